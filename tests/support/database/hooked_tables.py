"""Give a test the tables of a site's own, and `purger hook` to put triggers on them."""

from datetime import datetime

from click.testing import CliRunner, Result
from mysql.connector.abstracts import MySQLConnectionAbstract

from purger.cli.main import cli
from purger.fleet.problems import find_problems
from purger.fleet.state import EdgeState, FleetState
from purger.fleet.status import read_hooks
from purger.model import PurgerPresence
from stack.databases.database import Database
from takedown_db.connection.connect import connect
from takedown_db.connection.lasting_connection import Connection

_NOON = datetime(2026, 12, 2, 12, 0, 0)

#: A purger that is there, so that status has no other problem.
ALIVE = PurgerPresence("host", 17, "0.2", _NOON, _NOON, 0.4, id="one")

#: A table as the documents have it, one with a number and a status, and one of people.
TABLES = """
    CREATE DATABASE site CHARACTER SET utf8mb4;
    CREATE TABLE site.pictures (code VARCHAR(100) NOT NULL PRIMARY KEY, path VARCHAR(255));
    CREATE TABLE site.users (id BIGINT UNSIGNED NOT NULL PRIMARY KEY, `since when` DATE, banned BOOLEAN NOT NULL);
    CREATE TABLE site.blocklist (
        id INT NOT NULL PRIMARY KEY,
        sha256 VARCHAR(64) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin UNIQUE,
        active BOOLEAN NOT NULL
    );
    CREATE DATABASE `web-shop` CHARACTER SET utf8mb4;
    CREATE TABLE `web-shop`.items (
        id INT NOT NULL AUTO_INCREMENT PRIMARY KEY,
        `the ``status` ENUM('shown', 'removed', 'blocked') NOT NULL DEFAULT 'shown',
        name VARCHAR(50) NOT NULL DEFAULT ''
    );
    CREATE USER site@localhost IDENTIFIED BY 'secret';
    GRANT SELECT, INSERT, UPDATE, DELETE ON site.* TO site@localhost;
    GRANT SELECT, INSERT, UPDATE, DELETE ON `web-shop`.* TO site@localhost;
"""


class HookedSite:
    """A site's own program with the site's own account, and the administrator beside it."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.admin = database.connect_admin()
        for statement in TABLES.split(";")[:-1]:
            self.as_admin(statement)
        address = database.url("moderation").split("@", 1)[1].replace("/takedown?", "/site?")
        self.connection = connect(f"mysql://site:secret@{address}", timeout=30)

    def close(self) -> None:
        self.connection.close()
        self.admin.close()

    def as_admin(self, text: str, *values: str | int) -> list[tuple[object, ...]]:
        return _rows(self.admin, text, values)

    def run(self, text: str, *values: str | int) -> list[tuple[object, ...]]:
        """Run a statement of the site's own."""
        return _rows(self.connection, text, values)

    def hook(self, *arguments: str, code: int = 0) -> Result:
        """Run `purger hook` as the administrator. Asserts its exit code."""
        result = CliRunner(env={"PURGER_ADMIN_URL": self.database.admin_url()}).invoke(cli, ["hook", *arguments])
        assert result.exit_code == code, (result.output, result.exception)
        return result

    def hooks(self) -> str:
        """Return what `purger status` says of hooks, read with the purger's account."""
        connection = Connection(self.database.url("purger"), timeout=30)
        try:
            hooks, unwatched = read_hooks(connection)
        finally:
            connection.close()
        state = FleetState(
            hooks=hooks, edges=(EdgeState(name="paris", mode="trusted", purger="one"),), purgers=(ALIVE,)
        )
        said = [f"PROBLEM: {problem.what} -> {problem.do}" for problem in find_problems(state)]
        said += [f"hook {hook.name} on {hook.table}: stands" for hook in hooks if not hook.missing]
        return "\n".join(said + [f"unwatched: {name}" for name in unwatched])

    def open_bans(self, scope: str, subject: str) -> list[str]:
        """Return who has banned a subject, for each open ban."""
        text = "SELECT banned_by FROM takedown.bans WHERE scope = %s AND subject = %s AND lifted_at IS NULL"
        return sorted(str(row[0]) for row in self.as_admin(text, scope, subject))

    def triggers(self, schema: str, table: str) -> list[str]:
        """Name the triggers that stand on a table."""
        text = """SELECT TRIGGER_NAME FROM information_schema.TRIGGERS
            WHERE EVENT_OBJECT_SCHEMA = %s AND EVENT_OBJECT_TABLE = %s ORDER BY TRIGGER_NAME"""
        return [str(row[0]) for row in self.as_admin(text, schema, table)]


def _rows(connection: MySQLConnectionAbstract, text: str, values: tuple[str | int, ...]) -> list[tuple[object, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(text, values)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []
