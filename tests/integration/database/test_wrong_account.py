"""Give commands the URL of another account: the error names that account, its missing right, and what to set."""

import os

import pytest

from stack.databases.database import Database
from stack.processes.commands import command, run_apart

BAN = ("ban", "abc", "--ahead")
VERIFY = ("origin", "verify", "--store", "file:/tmp")
HOOK = ("hook", "--table", "site_of_others.pictures", "--code-expression", "id", "--when", "hidden = 1")


@pytest.mark.parametrize(
    ("variable", "account", "arguments", "lacks", "rather"),
    [
        ("PURGER_MODERATION_URL", "origin", ("purger", *BAN), "INSERT command denied", "takedown_moderation"),
        ("PURGER_MODERATION_URL", "origin", ("purger", "wait", "0"), "execute command denied", "takedown_moderation"),
        ("PURGER_DATABASE_URL", "moderation", ("purger", "edge", "list"), "SELECT command denied", "takedown_purger"),
        ("PURGER_ADMIN_URL", "purger", ("purger", "migrate"), "command denied", "an account that may do everything"),
        ("PURGER_ADMIN_URL", "purger", ("purger", *HOOK), "may not see site_of_others.pictures", "an account that may"),
        ("ORIGIN_DATABASE_URL", "moderation", VERIFY, "SELECT command denied", "takedown_origin"),
    ],
)
def test_another_account_is_named_with_the_right_that_it_lacks_and_the_variable_to_set(
    database: Database, variable: str, account: str, arguments: tuple[str, ...], lacks: str, rather: str
) -> None:
    name, *rest = arguments
    ran = run_apart([command(name), *rest], {"PATH": os.environ["PATH"], variable: database.url(account)})
    assert (ran.returncode, ran.stdout) == (1, "")
    (line,) = ran.stderr.splitlines()
    assert f"'takedown_{account}'@" in line
    assert lacks in line
    assert f"; set {variable}, or the file that {variable}_FILE names, to the URL of {rather}" in line
    assert "purger migrate" not in line


def test_the_right_account_without_its_rights_gets_them_by_a_migration(database: Database) -> None:
    database_url = {"PATH": os.environ["PATH"], "PURGER_DATABASE_URL": database.url("purger")}
    with database.connect_admin() as connection, connection.cursor() as cursor:
        cursor.execute("REVOKE SELECT ON adoptions FROM takedown_purger")
    ran = run_apart([command("purger"), "adopt"], database_url)
    assert "; run `purger migrate` as an administrator, which gives takedown_purger its rights" in ran.stderr
    database.migrate()
    assert "denied" not in run_apart([command("purger"), "adopt"], database_url).stderr
