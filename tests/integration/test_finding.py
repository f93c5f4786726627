"""Sums up the looks at several images of a banned owner: gone only where each of them was seen gone."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace

import pytest

from purger.model import Edge, Row
from purger.probe import Probe
from purger.row_probe import ROWS_ALONE, Choice, Finding, look_at
from stack.database import Database
from takedown_db.connection import Link
from tests.doors import Stored, serving

IMAGE, SPECIAL = b"picture", b"special"
DIGEST = b64encode(hashlib.sha256(SPECIAL).digest()).decode()
GONE = Stored(410, SPECIAL, {"Takedown-State": "banned", "Repr-Digest": f"sha-256=:{DIGEST}:"})
SHOWN, FOREIGN, UNMARKED, SICK = Stored(200, IMAGE), Stored(200, b"old"), Stored(410, SPECIAL), Stored(503, b"")
ROW = Row(7, 3, "owner", "him", "ban")
CHOICE = Choice(codes=["a", "b", "c"], images=5, of_an_owner=True, renditions=())


@pytest.fixture
def link(database: Database) -> Iterator[Link]:
    """The purger's connection to a database with three images."""
    with database.connect_admin() as connection, connection.cursor() as cursor:
        for code in CHOICE.codes:
            cursor.execute("INSERT IGNORE INTO images (code, owner) VALUES (%s, 'him')", (code,))
            cursor.execute(
                "INSERT IGNORE INTO renditions VALUES (%s, 'original', 'image/png', %s, 1, 1, %s)",
                (code, len(IMAGE), hashlib.sha256(IMAGE).hexdigest()),
            )
    link = Link(database.url("purger"), timeout=30)
    yield link
    link.close()


def look(link: Link, choice: Choice, *answers: Stored, excused: str = "", asked: list[str] | None = None) -> Finding:
    """Look at a door that has these answers for the images, in their order; there are excuses for ``excused``."""
    by_path = {f"/images/{code}": answer for code, answer in zip(choice.codes, answers, strict=True)}
    probe = Probe()
    with serving([] if asked is None else asked, by_path) as url:
        edge = Edge("e", url, url, "/t")
        found = look_at(link, probe, edge, ROW, choice, excuse=lambda code: "it moved" if code in excused else None)
    probe.close()
    return found


def test_all_of_those_that_were_looked_at_are_gone(link: Link) -> None:
    found = look(link, CHOICE, GONE, GONE, GONE)
    assert (found.sighting.gone, found.sighting.looked, found.sighting.images) == (True, 3, 5)
    assert (found.kept, found.again, [part.code for part in found.parts]) == ((), False, ["a", "b", "c"])
    assert found.sighting.note is None
    assert look(link, replace(CHOICE, renditions=None), GONE, GONE, GONE).sighting.note == ROWS_ALONE


def test_one_that_moved_away_does_not_count(link: Link) -> None:
    found = look(link, CHOICE, GONE, FOREIGN, GONE, excused="b")
    assert (found.sighting.gone, found.sighting.looked, found.sighting.images) == (True, 2, 4)
    assert (found.kept, len(found.parts)) == ((), 2)
    found = look(link, CHOICE, SHOWN, FOREIGN, UNMARKED, excused="abc")
    assert (found.sighting.gone, found.sighting.note, found.kept, found.again) == (None, "it moved", (), False)


@pytest.mark.parametrize(
    ("answers", "gone", "kept", "again", "note"),
    [
        ((GONE, SHOWN, GONE), False, "b", False, None),
        ((SHOWN, FOREIGN, SICK), False, "ab", False, None),
        ((GONE, FOREIGN, UNMARKED), None, "b", False, "2 of 3 images: 200 for original: other bytes"),
        ((GONE, GONE, UNMARKED), None, "", True, "1 of 3 images: 410 for original: not marked as banned"),
        ((FOREIGN, SICK, GONE), None, "", True, "the edge answered 503"),
    ],
)
def test_one_that_is_not_gone_decides(
    link: Link, answers: tuple[Stored, ...], gone: bool | None, kept: str, again: bool, note: str | None
) -> None:
    found = look(link, CHOICE, *answers)
    assert (found.sighting.gone, "".join(each.code for each in found.kept), found.again) == (gone, kept, again)
    assert (found.sighting.note or "").startswith(note or "")
    assert (found.sighting.looked, found.sighting.code) == (None, "")


def test_a_long_look_begins_with_no_further_image(link: Link) -> None:
    asked: list[str] = []
    rests: list[float] = []
    choice = replace(CHOICE, seconds=0.0, between=rests.append)
    found = look(link, choice, GONE, GONE, GONE, asked=asked)
    assert (asked, len(rests)) == (["/images/a"], 1)
    assert (found.sighting.gone, found.sighting.looked, found.sighting.images) == (True, 1, 5)
