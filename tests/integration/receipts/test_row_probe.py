"""Probe several images of a banned owner: the result is gone only if each image is gone."""

import hashlib
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace

import pytest

from purger.model import Row
from purger.probing.probe import Probe
from purger.probing.row_probe import ImageChoice, RowProbeResult, probe_row
from stack.databases.database import Database
from takedown_db.connection.lasting_connection import Connection
from tests.support.edges.misbehaving_listeners import FixedAnswer, listener_target, scripted_listener

IMAGE, SPECIAL = b"picture", b"special"
DIGEST = b64encode(hashlib.sha256(SPECIAL).digest()).decode()
GONE = FixedAnswer(410, SPECIAL, {"Takedown-State": "banned", "Repr-Digest": f"sha-256=:{DIGEST}:"})
SHOWN, FOREIGN, UNMARKED, SICK = (
    FixedAnswer(200, IMAGE),
    FixedAnswer(200, b"old"),
    FixedAnswer(410, SPECIAL),
    FixedAnswer(503, b""),
)
ROW = Row(7, 3, "owner", "him", "ban")
CHOICE = ImageChoice(codes=["a", "b", "c"], images=5, several=True)


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    """Connect as the purger to a database with three images."""
    with database.connect_admin() as admin, admin.cursor() as cursor:
        for code in CHOICE.codes:
            cursor.execute("INSERT IGNORE INTO images (code, owner) VALUES (%s, 'him')", (code,))
            cursor.execute(
                "INSERT IGNORE INTO renditions (code, name, content_type, size, width, height, digest) "
                "VALUES (%s, 'original', 'image/png', %s, 1, 1, %s)",
                (code, len(IMAGE), hashlib.sha256(IMAGE).hexdigest()),
            )
    connection = Connection(database.url("purger"), timeout=30)
    yield connection
    connection.close()


def probe_images(
    connection: Connection,
    choice: ImageChoice,
    *answers: FixedAnswer,
    excused: str = "",
    asked: list[str] | None = None,
) -> RowProbeResult:
    """Probe a listener that gives these answers for the images, in their order. Codes in ``excused`` have moved."""
    by_path = {f"/images/{code}": answer for code, answer in zip(choice.codes, answers, strict=True)}
    probe = Probe()
    with scripted_listener([] if asked is None else asked, by_path) as url:
        target = listener_target(url, ())
        found = probe_row(
            connection, probe, target, ROW, choice, excuse=lambda code: "it moved" if code in excused else None
        )
    probe.close()
    return found


def test_all_of_those_that_were_probed_are_gone(connection: Connection) -> None:
    found = probe_images(connection, CHOICE, GONE, GONE, GONE)
    assert (found.probe_result.gone, found.probe_result.probed, found.probe_result.images) == (True, 3, 5)
    assert (found.kept, found.again, [part.code for part in found.parts]) == ((), False, ["a", "b", "c"])
    assert found.probe_result.note is None


def test_one_that_moved_away_does_not_count(connection: Connection) -> None:
    found = probe_images(connection, CHOICE, GONE, FOREIGN, GONE, excused="b")
    assert (found.probe_result.gone, found.probe_result.probed, found.probe_result.images) == (True, 2, 4)
    assert (found.kept, len(found.parts)) == ((), 2)
    found = probe_images(connection, CHOICE, SHOWN, FOREIGN, UNMARKED, excused="abc")
    assert (found.probe_result.gone, found.probe_result.note, found.kept, found.again) == (None, "it moved", (), False)


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
    connection: Connection,
    answers: tuple[FixedAnswer, ...],
    gone: bool | None,
    kept: str,
    again: bool,
    note: str | None,
) -> None:
    found = probe_images(connection, CHOICE, *answers)
    assert (found.probe_result.gone, "".join(each.code for each in found.kept), found.again) == (gone, kept, again)
    assert (found.probe_result.note or "").startswith(note or "")
    assert (found.probe_result.probed, found.probe_result.code) == (None, "")


def test_a_long_probe_begins_with_no_further_image(connection: Connection) -> None:
    asked: list[str] = []
    rests: list[float] = []
    choice = replace(CHOICE, seconds=0.0, between=rests.append)
    found = probe_images(connection, choice, GONE, GONE, GONE, asked=asked)
    assert (asked, len(rests)) == (["/images/a"], 1)
    assert (found.probe_result.gone, found.probe_result.probed, found.probe_result.images) == (True, 1, 5)
