"""Gives the accounts what they need, and takes away what an earlier version gave them."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract

from purger.link import fetch
from purger.schema_scripts import run_script, run_text, schema_file

_REVOKE = re.compile(r"^REVOKE (?P<what>[A-Z, ]+) ON (?P<on>\S+) FROM '(?P<account>\w+)'@'%';$", re.MULTILINE)
_REVOKE_ROUTINE = re.compile(r"^REVOKE EXECUTE ON PROCEDURE .*$", re.MULTILINE)

#: There is no such grant: on a database, on a table, on a routine.
_NO_SUCH_GRANT = (1141, 1147, 1403)


def name_pattern(cursor: MySQLCursorAbstract, name: str) -> str:
    r"""Quote a database's name for a grant on all of it, where ``_`` stands for any character and ``\_`` for itself."""
    return f"`{name}`" if fetch(cursor, "migrate_wildcards") else f"`{name}`".replace("_", r"\_")


def grant(cursor: MySQLCursorAbstract, name: str) -> list[str]:
    """Make the accounts, grant what they need and withdraw the rest; what was withdrawn, a line each.

    All of it is granted before anything is withdrawn. Yet a REVOKE on a table takes the grants on its columns along:
    for the half millisecond until they are granted again, a statement of that account is refused (error 1142).
    """
    quoted = f"`{name}`"
    run_script(cursor, schema_file("accounts.sql"), {"{database}": quoted})
    # The table is shown only to an account that may read it; the plugin to any.
    if fetch(cursor, "migrate_has_groups") or fetch(cursor, "migrate_in_group"):
        run_script(cursor, schema_file("group.sql"))
    held = {(account.split("'")[1], table, privilege) for account, table, privilege in _held(cursor, name)}
    done = []
    for revoke in _REVOKE.finditer(schema_file("withdrawn.sql").read_text("utf-8")):
        table, account = revoke["on"].rpartition(".")[2], revoke["account"]
        if any((account, table, privilege) in held for privilege in revoke["what"].split(", ")):
            again = _grants(table, account) if table != "*" else ""
            run_text(cursor, f"{revoke[0]}\n{again}".replace("{database}", quoted))
            done.append(f"withdrew {revoke['what']} on {table} from {account}")
    for routine in _REVOKE_ROUTINE.findall(schema_file("withdrawn.sql").read_text("utf-8")):
        with _absent_ignored():
            cursor.execute(routine.replace("{database}", quoted))
    return done


def narrow_definer(cursor: MySQLCursorAbstract, name: str, pattern: str) -> list[str]:
    """Take away from the definer what it holds on every database whose name differs where this one has ``_``."""
    held = [row[2] for row in _held(cursor, name) if "takedown_definer" in row[0] and row[1] == "*"]
    if pattern == f"`{name}`" or not held:
        return []
    cursor.execute(f"REVOKE {', '.join(held)} ON `{name}`.* FROM 'takedown_definer'@'localhost'")
    return ["withdrew from takedown_definer what it held on databases of similar names"]


def _held(cursor: MySQLCursorAbstract, name: str) -> list[tuple[str, str, str]]:
    return [(str(row[0]), str(row[1]), str(row[2])) for row in fetch(cursor, "migrate_grants", name=name)]


def _grants(table: str, account: str) -> str:
    lines = schema_file("accounts.sql").read_text("utf-8").splitlines()
    return "\n".join(line for line in lines if line.startswith("GRANT") and f".{table} TO '{account}'" in line)


@contextmanager
def _absent_ignored() -> Iterator[None]:
    try:
        yield
    except mysql.connector.Error as error:
        if error.errno not in _NO_SUCH_GRANT:
            raise
