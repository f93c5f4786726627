"""Grants the accounts their rights, and revokes the rights that an earlier version granted."""

import re

from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_db.connection.lasting_connection import fetch
from takedown_db.schema.scripts import run_script, run_text, schema_file

_REVOKE = re.compile(r"^REVOKE (?P<what>[A-Z, ]+) ON (?P<on>\S+) FROM '(?P<account>\w+)'@'%';$", re.MULTILINE)
_DEFINER = "takedown_definer"


def name_pattern(cursor: MySQLCursorAbstract, name: str) -> str:
    r"""Quote a database's name for a GRANT on the whole database, where ``_`` is a wildcard and ``\_`` itself."""
    return f"`{name}`" if fetch(cursor, "migrate_wildcards") else f"`{name}`".replace("_", r"\_")


def grant(cursor: MySQLCursorAbstract, name: str) -> list[str]:
    """Create the accounts, grant their rights and revoke all others. Returns a line for each that was revoked.

    Every right is granted before any is revoked. Yet a REVOKE on a table takes the grants on its columns along: for the
    half millisecond until they are granted again, the server refuses that account's statements (error 1142).
    """
    quoted = f"`{name}`"
    run_script(cursor, schema_file("accounts.sql"), {"{database}": quoted})
    if fetch(cursor, "migrate_in_group"):
        run_script(cursor, schema_file("group_replication_grant.sql"))
    held = {(account.split("'")[1], table, privilege) for account, table, privilege in _held(cursor, name)}
    done = []
    for revoke in _REVOKE.finditer(schema_file("revoked_rights.sql").read_text("utf-8")):
        table, account = revoke["on"].rpartition(".")[2], revoke["account"]
        if any((account, table, privilege) in held for privilege in revoke["what"].split(", ")):
            again = _grants(table, account) if table != "*" else ""
            run_text(cursor, f"{revoke[0]}\n{again}".replace("{database}", quoted))
            done.append(f"withdrew {revoke['what']} on {table} from {account}")
    return done


def narrow_definer(cursor: MySQLCursorAbstract, name: str, pattern: str) -> list[str]:
    """Revoke the definer's rights on databases whose names match this one's with ``_`` taken as a wildcard."""
    held = [privilege for account, table, privilege in _held(cursor, name) if table == "*" and _DEFINER in account]
    if pattern == f"`{name}`" or not held:
        return []
    cursor.execute(f"REVOKE {', '.join(held)} ON `{name}`.* FROM 'takedown_definer'@'localhost'")
    return ["withdrew from takedown_definer what it held on databases of similar names"]


def _held(cursor: MySQLCursorAbstract, name: str) -> list[tuple[str, str, str]]:
    """Read the grants on the database and its tables: account, table (* for the whole database), privilege."""
    rows = fetch(cursor, "migrate_grants", name=name)
    return [(str(account), str(table), str(privilege)) for account, table, privilege in rows]


def _grants(table: str, account: str) -> str:
    lines = schema_file("accounts.sql").read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if line.startswith("GRANT") and f".{table} TO '{account}'" in line)
