"""Probe images of a banned digest: an edge may show one whose original has changed since, and no other."""

import hashlib
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest

from purger.model import ProbeNote, Row
from purger.probing.probe import Probe
from purger.probing.row_probe import RowProbeResult, choose, probe_row
from stack.databases.database import Database
from takedown_db.connection.lasting_connection import Connection
from tests.support.edges.misbehaving_listeners import FixedAnswer, listener_target, scripted_listener

_numbers = count(1)


class Copies:
    """Images with the same original, a ban on its digest, and an edge that shows them all the same."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._admin = database.connect_admin()
        number = next(_numbers)
        self.bytes = f"content {number}".encode()
        self.digest = hashlib.sha256(self.bytes).hexdigest()
        self.codes = [f"copy-{number}-{letter}" for letter in "abc"]
        for code in self.codes:
            self.sql("INSERT INTO images (code, owner) VALUES (%s, 'anna')", code)
            self.sql(
                "INSERT INTO renditions (code, name, content_type, size, width, height, digest) "
                "VALUES (%s, 'original', 'image/png', %s, 1, 1, %s)",
                *(code, len(self.bytes), self.digest),
            )
        self.sql("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", self.digest)
        self.connection = Connection(database.url("purger"), timeout=30)

    def close(self) -> None:
        self.connection.close()
        self._admin.close()

    def sql(self, text: str, *values: Any) -> list[tuple[Any, ...]]:
        with self._admin.cursor() as cursor:
            cursor.execute(text, values)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def replace(self, code: str) -> None:
        """Give an image another original."""
        self.sql("UPDATE renditions SET digest = %s WHERE code = %s", "0" * 64, code)

    def replace_long_ago(self, code: str) -> None:
        """Give an image another original, by a change that is past its retention."""
        self.replace(code)
        self.sql("DELETE FROM invalidations WHERE subject = %s AND cause = 'rendition'", code)

    def lift(self) -> None:
        self.sql("UPDATE bans SET lifted_at = UTC_TIMESTAMP(3) WHERE subject = %s", self.digest)

    def probe(self, between: Callable[[], None] = lambda: None) -> RowProbeResult:
        """Choose images for the ban, call ``between``, and probe the edge."""
        row = Row(
            *self.sql("SELECT id, 1, scope, subject, cause FROM invalidations WHERE subject = %s", self.digest)[0]
        )
        choice = choose(self.connection, row.scope, row.subject)
        between()
        probe = Probe()
        answers = {f"/images/{code}": FixedAnswer(200, self.bytes) for code in self.codes}
        with scripted_listener([], answers) as url:
            found = probe_row(self.connection, probe, listener_target(url), row, choice)
        probe.close()
        return found

    def resend(self, code: str) -> tuple[bool, bool]:
        """Tell whether a purge of ``code`` that is sent again now finds it banned, and whether it was overtaken."""
        self.sql("INSERT INTO invalidations (scope, subject, cause) VALUES ('image', %s, 'resend')", code)
        ((resent,),) = self.sql("SELECT MAX(id) FROM invalidations WHERE subject = %s", code)
        return self.judge(resent, code)

    def judge(self, invalidation: int, code: str) -> tuple[bool, bool]:
        ((stands, overtaken),) = self.connection.rows("ban_stands", invalidation=invalidation, code=code)
        return bool(stands), bool(overtaken)


@pytest.fixture
def copies(database: Database) -> Iterator[Copies]:
    copies = Copies(database)
    yield copies
    copies.close()


def test_each_image_that_has_the_banned_original_counts_against_the_edge(copies: Copies) -> None:
    found = copies.probe()
    assert found.probe_result.gone is False
    assert sorted(image.code for image in found.kept) == copies.codes
    assert {part.code: part.gone for part in found.parts} == dict.fromkeys(copies.codes, False)


@pytest.mark.parametrize("replace", [Copies.replace, Copies.replace_long_ago])
def test_an_image_whose_original_was_replaced_since_is_no_finding(
    copies: Copies, replace: Callable[[Copies, str], None]
) -> None:
    found = copies.probe(lambda: replace(copies, copies.codes[0]))
    assert sorted(image.code for image in found.kept) == copies.codes[1:]
    assert sorted(part.code for part in found.parts) == copies.codes[1:]


def test_an_image_that_had_another_original_at_the_ban_is_no_finding(copies: Copies) -> None:
    # Its former bytes may be shown until the purge of the replacement has come.
    copies.sql("UPDATE renditions SET digest = %s WHERE code = %s", "0" * 64, copies.codes[0])
    copies.sql("UPDATE renditions SET digest = %s WHERE code = %s", copies.digest, copies.codes[0])
    found = copies.probe()
    assert sorted(image.code for image in found.kept) == copies.codes[1:]
    for code in copies.codes[1:]:
        copies.replace(code)
    nothing = copies.probe()
    assert (nothing.probe_result.gone, nothing.probe_result.note, nothing.kept) == (None, ProbeNote.CHANGED, ())


def test_after_a_lift_no_image_is_a_finding(copies: Copies) -> None:
    found = copies.probe(copies.lift)
    assert (found.probe_result.gone, found.probe_result.note, found.kept, found.again) == (
        None,
        ProbeNote.LIFTED,
        (),
        False,
    )


def test_a_purge_that_is_sent_again_is_judged_by_the_ban_on_the_original(copies: Copies) -> None:
    code = copies.codes[0]
    assert copies.resend(code) == (True, False)
    assert copies.connection.rows("is_banned", code=code) == [(1, 1)]
    ((resent,),) = copies.sql("SELECT MAX(id) FROM invalidations WHERE subject = %s", code)
    copies.lift()
    assert copies.judge(resent, code) == (False, True)
    assert copies.resend(code) == (False, False)
    assert copies.connection.rows("is_banned", code=code) == [(0, 0)]
