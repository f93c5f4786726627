"""Run moderators' commands, and give a moderator a database without a purger."""

from hashlib import sha256
from itertools import count

from click.testing import CliRunner, Result
from mysql.connector.abstracts import MySQLCursorAbstract

from purger.cli.main import cli
from purger.outbox.outbox import Outbox
from stack.databases.database import Database
from takedown_db.connection.lasting_connection import Connection
from tests.support.sites.site_actions import Site

_numbers = count(1)


def run(site: Site, *arguments: str, code: int = 0, stdin: str | None = None) -> Result:
    """Run a moderator's command with only moderation's URL. Asserts its exit code; returns its result."""
    return moderate(site.stack.database.url("moderation"), *arguments, code=code, stdin=stdin)


def moderate(url: str, *arguments: str, code: int = 0, stdin: str | None = None) -> Result:
    result = CliRunner(env={"PURGER_MODERATION_URL": url}).invoke(cli, arguments, input=stdin)
    assert result.exit_code == code, (result.output, result.exception)
    return result


def ban_id(result: Result) -> str:
    return result.stdout.removeprefix("ban ").partition(":")[0]


class Desk:
    """A moderator's database without a purger, with an edge that has acknowledged all changes by its row."""

    def __init__(self, database: Database, admin: MySQLCursorAbstract) -> None:
        self.database = database
        self._admin = admin
        self.sql("DELETE FROM edges")
        self.sql("DELETE FROM purgers")
        self.sql(
            """INSERT INTO edges (name, purge_url, public_url, token_file, instance, acknowledged, problem)
            VALUES ('paris', 'http://a', 'http://a', '', 'one', 1000000, 'failing: 503\n\x1b[2J')"""
        )

    def sql(self, text: str, *values: str | int) -> list[tuple[object, ...]]:
        self._admin.execute(text, values)
        return [tuple(row) for row in self._admin.fetchall()] if self._admin.description else []

    def bans(self) -> int:
        return int(str(self.sql("SELECT COUNT(*) FROM bans")[0][0]))

    def new_image(self, owner: str = "anna", content: bytes | None = None) -> str:
        """Add an image, with ``content`` also the row of its original, and return its code."""
        code = f"desk{next(_numbers)}"
        self.sql("INSERT INTO images (code, owner) VALUES (%s, %s)", code, owner)
        if content is not None:
            self.sql(
                """INSERT INTO renditions (code, name, content_type, size, width, height, digest)
                VALUES (%s, 'original', 'image/png', %s, 1, 1, %s), (%s, 'thumb', 'image/png', 1, 1, 1, %s)""",
                *(code, len(content), sha256(content).hexdigest()),
                *(code, sha256(code.encode()).hexdigest()),
            )
        return code

    def new_content(self) -> bytes:
        """Return bytes that no other image has."""
        return f"picture {next(_numbers)}".encode()

    def new_owner(self) -> str:
        return f"owner{next(_numbers)}"

    def run(self, *arguments: str, code: int = 0, stdin: str | None = None) -> Result:
        return moderate(self.database.url("moderation"), *arguments, code=code, stdin=stdin)

    def sign(self, ago: int = -4) -> None:
        """Write a purger's signs of life, the first so many seconds old. Each counts for 5 s before and after its time.

        Those of the next minute and a half follow: commands take seconds on a busy machine.
        """
        self.sql("DELETE FROM purgers")
        for number in range(12):
            self.sql(
                """INSERT INTO purgers (id, host, pid, version, since, seen_at, beat)
                VALUES (%s, 'host', 1, '0.2', UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) - INTERVAL %s SECOND, 1)""",
                *(f"p{number}", ago - 8 * number),
            )

    def fingerprint(self) -> str:
        """Read the fingerprint of the triggers, as an edge's flush records it."""
        connection = Connection(self.database.url("purger"), timeout=60)
        try:
            return Outbox(connection).triggers().fingerprint
        finally:
            connection.close()

    def number(self) -> None:
        """Put the waiting changes into a batch, as a purger does."""
        self.sql("SET @size = 0, @more = 0")
        self.sql("CALL number_invalidations(NULL, NULL, @size, @more)")
