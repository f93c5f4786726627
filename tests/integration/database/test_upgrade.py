"""Run ``purger migrate`` on a database of 0.1 in use: no ban is lost or missed, and no visitor notices."""

from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import mysql.connector
import pytest
import requests
from click.testing import CliRunner
from mysql.connector.errorcode import ER_COLUMNACCESS_DENIED_ERROR, ER_LOCK_DEADLOCK, ER_TABLEACCESS_DENIED_ERROR

from purger.cli.main import cli
from stack.database import Database
from stack.edge import Edge
from stack.origin import Origin
from stack.purger import Purger
from stack.samples import draw
from stack.waiting import PATIENCE, wait_until
from takedown_db.connection.connect import connect
from takedown_db.connection.server_identity import read_server
from tests.support.ask_again import ask_again
from tests.support.background_loop import BackgroundLoop
from tests.support.database import schema_0_1
from tests.support.database.check_constraints import needs_switch
from tests.support.database.procedure_call import call

IMAGES = {"banned": "anna", "copy": "villain", "kept": "anna", "lifted": "anna", "twice": "anna"}
GONE, SERVED = ("banned", "copy", "twice"), ("kept", "lifted")

#: A part of an origin's line about a database that was not migrated yet.
ADVICE = "check the grants of the account in the database URL: `purger migrate` gives them"

#: Errors of a moment: a REVOKE on a table also revokes the grants on its columns, and they are granted again at once.
REGRANTED = (ER_TABLEACCESS_DENIED_ERROR, ER_COLUMNACCESS_DENIED_ERROR)

#: Of each table, what a migration leaves as it is. A purger that runs moves the rest of `edges`, and `numbering`.
KEPT = {
    "bans": "*",
    "images": "*",
    "renditions": "*",
    "invalidations": "*",
    "batches": "batch, numbered_at, size",
    "changes": "scope, subject, changed_at",
    "receipts": "*",
    "sightings": "edge, invalidation, removed, seen_at, status, gone",
    "edges": "name, purge_url, public_url, token_file, enabled, added_at, instance",
    "schema_versions": "*",
}


class Moderator:
    """A moderator who bans one code after another, in a transaction each."""

    def __init__(self, database: Database) -> None:
        self._connection = connect(database.url("moderation"), timeout=60)
        self._numbers = count(1)
        self.banned: list[str] = []

    def ban(self) -> None:
        code = f"during{next(self._numbers)}"
        try:
            with self._connection.cursor() as cursor:
                cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
        except mysql.connector.Error as error:
            if error.errno not in REGRANTED:
                raise
        else:
            self.banned.append(code)


class OldPurger:
    """The statements that a purger of 0.1 runs all the time, with its account."""

    def __init__(self, database: Database) -> None:
        self._connection = connect(database.url("purger"), timeout=60)

    def work(self) -> None:
        """Run the statements once. After a deadlock, or while a grant is missing, the next round repeats them."""
        try:
            self._work()
        except mysql.connector.Error as error:
            if error.errno not in (ER_LOCK_DEADLOCK, *REGRANTED):
                raise

    def _work(self) -> None:
        with self._connection.cursor() as cursor:
            for sql in schema_0_1.statements("purger"):
                cursor.execute(sql)
                cursor.fetchall()
                while cursor.nextset():
                    pass


class Upgrade(ExitStack):
    """A database of 0.1 with its origin and an edge that trusts its cache, which ``migrate`` finds in use."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.database = self.enter_context(Database(directory / "database"))
        schema_0_1.install(self.database)
        self.refusal = self._ask_too_early(directory / "too-early")
        self.admin = self.database.connect_admin()
        self.callback(self.admin.close)
        self.origin = self.enter_context(Origin(directory / "origin", self.database))
        for code, owner in IMAGES.items():
            (directory / code).mkdir()
            draw(directory / code / f"{code}.png", code, hue=0.5, size=(40, 30))
            self.origin.import_images(directory / code, owner)
        with self.admin.cursor() as cursor:
            schema_0_1.fill(cursor, self.database.name_of_database)
        self.edge = self.enter_context(Edge(directory / "edge", self.origin.address, lease=600.0))
        self._renew_lease()
        # A request before the origin sends Last-Modified would leave an answer in the cache for two seconds only.
        wait_until(lambda: all(map(self.is_dated, IMAGES)), "answers that an edge may keep for a day")
        wait_until(lambda: all(map(self.is_hit, IMAGES)), "all images in the cache")
        self.before = self.content()
        self.purger = self.enter_context(Purger(directory / "purger", self.database))
        self.moderator = Moderator(self.database)
        with (
            BackgroundLoop(self.moderator.ban) as self.moderating,
            BackgroundLoop(OldPurger(self.database).work) as self.old_purger,
            BackgroundLoop(self.visit) as self.visiting,
        ):
            self.done = self.migrate()
        wait_until(self.settled, "the edge has everything, twice")

    def _ask_too_early(self, directory: Path) -> str:
        """Return what an origin of this version logs on a database of 0.1, then let it stand in for one of 0.1."""
        with Origin(directory, self.database) as origin:

            def refused() -> str | None:
                assert requests.get(f"{origin.url}/images/nobody", timeout=PATIENCE).status_code == 503
                log = origin.log_text()
                return log if ADVICE in log else None

            # On a busy machine it first says that a connection comes too late.
            refusal = wait_until(refused, "what to do in the log")
        with self.database.connect_admin() as connection, connection.cursor() as cursor:
            cursor.execute("GRANT SELECT (one, last_batch) ON numbering TO takedown_origin@'%'")
            cursor.execute("ALTER TABLE changes ADD COLUMN batch BIGINT UNSIGNED NOT NULL DEFAULT 0")
            cursor.execute("ALTER TABLE renditions ADD COLUMN path VARCHAR(1024) COLLATE utf8mb4_bin NULL")
        return refusal

    def sql(self, text: str, *values: Any) -> list[tuple[object, ...]]:
        with self.admin.cursor() as cursor:
            cursor.execute(text, values)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def migrate(self) -> list[str]:
        result = CliRunner().invoke(cli, ["migrate", "--database-url", self.database.admin_url()])
        assert result.exit_code == 0, result.output
        return result.output.splitlines()

    def content(self) -> dict[str, list[tuple[object, ...]]]:
        return {table: self.sql(f"SELECT {columns} FROM {table}") for table, columns in KEPT.items()}

    def _renew_lease(self) -> None:
        """Leave the edge as a purger of 0.1 does whose changes it has all acknowledged."""
        answer = self.edge.ask("HEARTBEAT")
        epoch = answer.headers["Takedown-Now"]
        assert self.edge.ask("HEARTBEAT", takedown_epoch=epoch).status_code == 200
        with self.admin.cursor() as cursor:
            triggers = schema_0_1.fingerprint(cursor)
        self.sql(
            """INSERT INTO edges
                (name, purge_url, public_url, token_file, instance, triggers, epoch, acknowledged, rebounded)
            SELECT %s, %s, %s, %s, %s, %s, TIMESTAMPADD(MICROSECOND, %s * 1000000, '1970-01-01'), last_batch, last_batch
            FROM numbering""",
            *(self.edge.edge_name, self.edge.purge_url, self.edge.url, str(self.edge.token_file)),
            *(answer.headers["ETag"].strip('"'), triggers, epoch),
        )

    def get(self, code: str) -> requests.Response:
        return requests.get(f"{self.edge.url}/images/{code}", timeout=PATIENCE)

    def is_dated(self, code: str) -> bool:
        answer = requests.get(f"{self.origin.url}/images/{code}", timeout=PATIENCE)
        return answer.headers.get("CDN-Cache-Control") == "max-age=86400"  # a 503 has none

    def is_hit(self, code: str) -> bool:
        return "; hit" in self.get(code).headers["Cache-Status"]

    def visit(self) -> None:
        """Request images from the edge as visitors do, and record whether it trusts its cache."""
        for code in IMAGES:
            answer = self.get(code)
            assert answer.status_code == (410 if code in GONE else 200), f"{code}: {answer.status_code}"
            assert "; hit" in answer.headers["Cache-Status"], f"{code}: {answer.headers['Cache-Status']}"
        assert self.edge.trusted()

    def settled(self) -> bool:
        pending = self.sql("SELECT COUNT(*) FROM invalidations WHERE batch IS NULL") != [(0,)]
        behind = (
            "SELECT COUNT(*) FROM edges JOIN numbering WHERE name = %s AND LEAST(acknowledged, rebounded) < last_batch"
        )
        return not pending and self.sql(behind, self.edge.edge_name) == [(0,)]


@pytest.fixture(scope="module")
def upgrade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upgrade]:
    with Upgrade(tmp_path_factory.mktemp("upgrade")) as upgrade:
        yield upgrade


def test_an_origin_that_comes_before_the_schema_says_what_to_do(upgrade: Upgrade) -> None:
    assert ADVICE in upgrade.refusal


def test_all_that_was_there_is_there(upgrade: Upgrade) -> None:
    after = upgrade.content()
    for table, rows in upgrade.before.items():
        assert rows, table
        assert [row for row in rows if row not in after[table]] == [], table
    assert upgrade.sql("SELECT COUNT(*) FROM images") == [(len(IMAGES),)]
    assert len(after["bans"]) == len(upgrade.before["bans"]) + len(upgrade.moderator.banned)


def test_batches_have_identities_and_nothing_old_is_sent_again(upgrade: Upgrade) -> None:
    assert upgrade.sql("SELECT COUNT(*) FROM batches WHERE LENGTH(identity) <> 36") == [(0,)]
    ((batches, identities),) = upgrade.sql(
        """SELECT COUNT(*), COUNT(DISTINCT identity) FROM batches
        WHERE identity <> (SELECT identity FROM batches WHERE batch = 1)"""
    )
    assert batches == identities != 0
    later = "SELECT LEAST(rebounded_later, rebounded_last) > 0 FROM edges WHERE name = %s"
    assert upgrade.sql(later, upgrade.edge.edge_name) == [(1,)]


def test_the_server_of_before_speaks_for_the_database(upgrade: Upgrade) -> None:
    with upgrade.admin.cursor() as cursor:
        speaker = read_server(cursor)
    assert upgrade.sql("SELECT server, adopted_by FROM adoptions") == [(speaker, "purger migrate")]
    assert [line for line in upgrade.done if line.startswith("adopted ")] == [
        f"adopted {speaker}: purgers that are connected to it deliver for this database"
    ]


def test_no_ban_in_the_middle_of_it_went_unseen(upgrade: Upgrade) -> None:
    banned = upgrade.moderator.banned
    assert not upgrade.moderating.failed
    assert len(banned) >= 6
    found = upgrade.sql(
        """SELECT bans.subject FROM bans JOIN invalidations ON ban_id = bans.id AND cause = 'ban'
        WHERE bans.subject LIKE 'during%' AND batch <= (SELECT acknowledged FROM edges WHERE name = 'edge1')"""
    )
    assert sorted(found) == sorted((code,) for code in banned)
    for code in (banned[0], banned[-1]):
        # On a busy machine the lookup may take too long, since nobody has asked for this code before.
        assert ask_again(partial(upgrade.get, code), code).status_code == 410


def test_no_visitor_notices_it(upgrade: Upgrade) -> None:
    """Compare what visitors get: each answer is as before, and from the cache, since nothing is flushed."""
    assert not upgrade.visiting.failed
    upgrade.visit()
    assert "edge edge1 is followed" in upgrade.purger.log_text()
    assert "flushed" not in upgrade.purger.log_text()


def test_heartbeats_go_on_after_it(upgrade: Upgrade) -> None:
    def epoch() -> float:
        return float(upgrade.edge.ask("HEARTBEAT").headers["Takedown-Epoch"])

    before = epoch()
    wait_until(lambda: epoch() > before, "a heartbeat of the purger that waited for the migration")


def test_a_purger_of_0_1_goes_on(upgrade: Upgrade) -> None:
    assert not upgrade.old_purger.failed
    OldPurger(upgrade.database).work()


def test_doing_it_again_does_nothing(upgrade: Upgrade) -> None:
    standing = "SELECT TRIGGER_NAME, CREATED FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"
    before = upgrade.sql(standing)
    assert upgrade.migrate() == ["nothing to do: the schema is complete"]
    assert upgrade.sql(standing) == before
    assert not [line for line in upgrade.done if "attention" in line]


def test_a_ban_by_content_is_possible_after_it(upgrade: Upgrade) -> None:
    ((content,),) = upgrade.sql("SELECT digest FROM renditions WHERE code = 'kept' AND name = 'original'")
    upgrade.sql("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", content)
    wait_until(lambda: upgrade.get("kept").status_code == 410, "the content gone")
    assert upgrade.get("lifted").status_code == 200
    upgrade.sql("UPDATE bans SET lifted_at = UTC_TIMESTAMP() WHERE scope = 'digest'")
    wait_until(lambda: upgrade.get("kept").status_code == 200, "the content back")


@pytest.fixture
def crooked(tmp_path: Path) -> Iterator[Database]:
    """Make a database of 0.1 with malformed rows, at which numbering has stopped."""
    with Database(tmp_path / "database") as database:
        schema_0_1.install(database)
        with database.connect_admin() as admin, admin.cursor() as cursor:
            schema_0_1.fill(cursor, database.name_of_database)
            schema_0_1.run(cursor, "malformed", database.name_of_database)
            with pytest.raises(mysql.connector.Error):
                call(cursor, "number_invalidations_v1()")
        yield database


@needs_switch
def test_what_0_1_let_in_malformed_blocks_nothing_and_is_told(crooked: Database) -> None:
    result = CliRunner().invoke(cli, ["migrate", "--database-url", crooked.admin_url()])
    assert result.exit_code == 0, result.output
    for told in (
        "of image 'two words': it banned nothing",
        "of picture 'cat': it banned nothing",
        r"of image 'line\nbreak': it banned nothing",
        "of image 'padded  ' anew without spaces",
        "attention: a row of renditions for code 'crooked' is malformed",
        "malformed rows of the outbox to the table unnumberable",
    ):
        assert told in result.output
    with crooked.connect_admin() as admin, admin.cursor() as cursor:
        cursor.execute(
            "SELECT subject, reason, banned_by FROM bans WHERE banned_by IN ('dave', 'malformed') ORDER BY id"
        )
        rows = [tuple(row) for row in cursor.fetchall()]
        assert sorted(rows) == [
            ("padded", "with spaces after it", "dave"),
            ("stuck", "behind the malformed ones", "dave"),
        ]
        cursor.execute("SELECT subject FROM moderation_log WHERE action = 'unban' ORDER BY id")
        assert len(cursor.fetchall()) == 4
        call(cursor, "number_invalidations_v1()")
        cursor.execute("SELECT DISTINCT subject FROM invalidations WHERE batch = (SELECT last_batch FROM numbering)")
        assert {subject for (subject,) in cursor.fetchall()} >= {"padded", "stuck"}
        cursor.execute("SELECT COUNT(*) FROM invalidations WHERE batch IS NULL")
        assert cursor.fetchall() == [(0,)]
