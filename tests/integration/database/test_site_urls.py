"""Record content of a site's own server, on a real server: limits, bans in any order, and the purges that follow."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any, cast

import mysql.connector
import pytest

from stack.databases.database import Database
from stack.processes.waiting import wait_until
from takedown_db.statements import statement
from tests.support.database.outbox_connections import Connections

_numbers = count(1)


def new_content() -> str:
    return hashlib.sha256(b"%d" % next(_numbers)).hexdigest()


def names_of(digest: str) -> str:
    """Write the names of a file without metadata."""
    shorter = (hashlib.new(kind, digest.encode()).hexdigest() for kind in ("sha1", "md5"))
    return json.dumps([[digest, digest, *shorter]])


class Recorder:
    """The database as origin, moderator and purger have it."""

    def __init__(self, database: Database) -> None:
        self.admin = database.connect_admin()
        self.origin = database.connect("origin")
        self.moderation = database.connect("moderation")

    def record(self, code: str, url: str, digest: str, before: str | None = None) -> None:
        values: dict[str, Any] = {
            "id": hashlib.sha256(f"h\n{url}".encode()).hexdigest(),
            "code": code,
            "digest": digest,
        }
        values |= {"host": "h", "url": url, "length": 1, "etag": "", "last_modified": "", "names": names_of(digest)}
        values["before"] = before
        with self.origin.cursor() as cursor:
            cursor.execute(statement("record_site_url"), values)

    def rows(self, sql: str, *values: Any) -> list[tuple[object, ...]]:
        with self.admin.cursor() as cursor:
            cursor.execute(sql, values)
            return [tuple(cast(tuple[object, ...], row)) for row in cursor.fetchall()]

    def number(self) -> bool:
        """Number the outbox once, and tell whether more may be left."""
        with self.admin.cursor() as cursor:
            cursor.execute("CALL number_invalidations(NULL, NULL, @size, @more)")
        ((more,),) = self.rows("SELECT @more")
        return bool(more)

    def purges(self, code: str) -> list[tuple[object, ...]]:
        """Return cause and number of the purges of an image."""
        return self.rows("SELECT cause, batch FROM invalidations WHERE scope = 'image' AND subject = %s", code)


@pytest.fixture(scope="module")
def recorder(database: Database) -> Iterator[Recorder]:
    found = Recorder(database)
    yield found
    for connection in (found.admin, found.origin, found.moderation):
        connection.close()


def test_a_ban_of_content_purges_all_images_that_show_it_before_a_heartbeat(recorder: Recorder) -> None:
    shared = new_content()
    for code in ("one", "two"):
        recorder.record(code, f"/{code}.png", shared)
        recorder.record(code, f"/thumb/{code}.png", new_content())
    recorder.record("three", "/three.png", new_content())
    with recorder.moderation.cursor() as cursor:
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", (shared,))
    assert recorder.number(), "more is left: no purger may say now that an edge has everything"
    assert recorder.purges("one") == recorder.purges("two") == [("resend", None)]
    assert not recorder.number()
    ((last,),) = recorder.rows("SELECT last_batch FROM numbering")
    assert recorder.purges("one") == recorder.purges("two") == [("resend", last)]
    assert recorder.purges("three") == []


def test_a_record_and_a_ban_that_cross_leave_no_image_unpurged(recorder: Recorder) -> None:
    """A moderator's transaction whose snapshot is older than the record, and whose ban the record cannot see."""
    content = new_content()
    with recorder.moderation.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        recorder.record("crossed", "/crossed.png", content)
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", (content,))
        recorder.record("crossed", "/crossed.png?again", content)
        assert recorder.purges("crossed") == []
        cursor.execute("COMMIT")
    recorder.number()
    assert recorder.purges("crossed") == [("resend", None)]
    recorder.record("later", "/later.png", content)
    assert recorder.purges("later") == [("resend", None)]


def test_a_ban_by_another_hash_that_crosses_the_record_gets_its_content(recorder: Recorder) -> None:
    content = new_content()
    sha1 = json.loads(names_of(content))[0][2]
    with recorder.moderation.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
        recorder.record("hashed", "/hashed.png", content)
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", (sha1,))
        cursor.execute("COMMIT")
    ban = "SELECT subject FROM bans WHERE name LIKE %s OR subject LIKE %s"
    assert recorder.rows(ban, f"{sha1}%", f"{sha1}%") == [(sha1.ljust(64, "0"),)], "its snapshot was older"
    recorder.number()
    assert recorder.rows(ban, f"{sha1}%", f"{sha1}%") == [(content,)]
    recorder.number()
    assert ("resend",) in [purge[:1] for purge in recorder.purges("hashed")]


def test_a_record_waits_for_no_moderator(recorder: Recorder) -> None:
    with recorder.moderation.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        for _ in range(50):
            cursor.execute("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", (new_content(),))
        for _ in range(50):
            recorder.record("quick", f"/quick.png?{next(_numbers)}", new_content())
        cursor.execute("ROLLBACK")


def test_a_record_and_the_purge_that_it_owes_are_there_both_or_neither(recorder: Recorder, database: Database) -> None:
    content = new_content()
    with recorder.moderation.cursor() as cursor:
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", (content,))
    dying = Recorder(database)
    holder = database.connect_admin()
    with ThreadPoolExecutor(1) as pool, holder.cursor() as cursor:
        cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT id FROM invalidations WHERE id > 0 FOR UPDATE")  # the gap behind them, too
        cursor.fetchall()
        record = pool.submit(dying.record, "cut", "/cut.png", content)
        waits = "SHOW GLOBAL STATUS LIKE 'Innodb_row_lock_current_waits'"
        wait_until(lambda: recorder.rows(waits)[0][1] == "1", "the purge to wait")
        with recorder.admin.cursor() as killer:
            killer.execute(f"KILL {dying.origin.connection_id}")
        with pytest.raises(mysql.connector.Error):
            record.result()
        cursor.execute("ROLLBACK")
    for connection in (holder, dying.admin, dying.moderation):
        connection.close()
    gone = "SELECT 1 FROM information_schema.processlist WHERE id = %s"
    wait_until(lambda: not recorder.rows(gone, dying.origin.connection_id), "the end of its connection")
    assert recorder.rows("SELECT 1 FROM site_urls WHERE code = 'cut'") == recorder.purges("cut") == []
    recorder.record("cut", "/cut.png", content)
    assert recorder.purges("cut") == [("resend", None)]


def test_a_reading_that_ends_after_a_newer_one_is_not_recorded(recorder: Recorder) -> None:
    old, new, next_one = new_content(), new_content(), new_content()
    recorded = "SELECT digest FROM site_urls WHERE code = 'slow'"
    recorder.record("slow", "/slow.png", new)
    recorder.record("slow", "/slow.png", old)
    assert recorder.rows(recorded) == [(new,)], "it began when nothing was recorded"
    recorder.record("slow", "/slow.png", next_one, before=new)
    recorder.record("slow", "/slow.png", old, before=new)
    assert recorder.rows(recorded) == [(next_one,)]
    with recorder.moderation.cursor() as cursor:
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", (old,))
    recorder.record("slow", "/slow.png", old, before=new)
    assert recorder.rows(recorded) == [(next_one,)]
    assert recorder.purges("slow") == [("resend", None)], "an edge may hold the old bytes"


def test_a_url_that_leads_to_another_code_is_recorded_for_it(recorder: Recorder) -> None:
    recorder.record("was", "/ruled.png", new_content())
    recorder.record("is", "/ruled.png", new_content())
    assert recorder.rows("SELECT code FROM site_urls WHERE url = '/ruled.png'") == [("is",)]


def test_of_an_image_with_very_many_urls_the_last_thousand_are_kept(recorder: Recorder) -> None:
    content = new_content()
    for number in range(1002):
        recorder.record("many", f"/many.png?{number}", content)
    recorder.record("many", "/many.png?1001", content)
    found = recorder.rows("SELECT url FROM site_urls WHERE code = 'many'")
    assert len(found) == 1000
    assert ("/many.png?0",) not in found
    assert ("/many.png?1001",) in found


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", "x"),
        ("code", "a b"),
        ("code", ""),
        ("host", "a b"),
        ("url", "no/path"),
        ("url", "/a\nb"),
        ("digest", "A" * 64),
        ("digest", "a" * 63 + " "),
        ("etag", "a\tb"),
        ("length", None),
        ("names", "[]"),
        ("names", '[["a", "b", "c", "d"]]'),
        ("names", json.dumps([["x" * 64, "x" * 64, "x" * 40, "x" * 32]])),
    ],
)
def test_a_malformed_value_is_not_recorded(recorder: Recorder, column: str, value: str | None) -> None:
    digest = new_content()
    values: dict[str, Any] = {"id": digest, "code": "c", "host": "h", "url": "/", "digest": digest, "length": 1}
    with (
        recorder.origin.cursor() as cursor,
        pytest.raises(mysql.connector.Error, match="malformed"),
    ):
        cursor.execute(
            statement("record_site_url"),
            {**values, "etag": "", "last_modified": "", "names": names_of(digest), "before": None, column: value},
        )


def test_the_origin_writes_nothing_by_itself(connections: Connections) -> None:
    for sql in ("INSERT INTO site_urls (id) VALUES ('x')", "DELETE FROM site_urls", "SELECT url FROM site_urls"):
        with pytest.raises(mysql.connector.Error) as refused:
            connections.run("origin", sql)
        assert refused.value.errno in {1142, 1143}
