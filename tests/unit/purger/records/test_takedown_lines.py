"""Check what is logged and measured of takedowns, with a database that only seems to be one."""

import logging
import threading
import time
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from purger.model import Position, ProbeResult, Receipt
from purger.outbox.verifier import FullyNumberedTimes
from purger.records.batch_bans import SINGLES, BanReader
from purger.records.takedown_lines import TakedownLines
from takedown_db.connection.errors import DatabaseUnavailableError

NOW = 1_790_000_000.0


class Database:
    """Answers the statements of ``TakedownLines``: batches with bans, all written at ``written``."""

    def __init__(self) -> None:
        self.bans: dict[int, int] = {}  # number of bans by batch
        self.images = 0  # further rows in each batch
        self.written = NOW
        self.ahead = 3600.0  # of the purger's clock: the two need not agree
        self.added = {f"edge{number}": 0.0 for number in range(30)}
        self.away = False
        self.numbered_before = 1  # the last batch that was numbered before the purger's start

    def first_batch_since(self, after: int, since: datetime) -> list[tuple[int | None]]:
        assert (after, since) == (0, datetime.fromtimestamp(NOW + 10 + self.ahead - 0.5, UTC).replace(tzinfo=None))
        return [(min((batch for batch in self.bans if batch > self.numbered_before), default=None),)]

    def rows(self, name: str, **values: Any) -> list[tuple[Any, ...]]:
        if self.away:
            raise DatabaseUnavailableError
        return [*getattr(self, name)(**values)]

    def clock(self) -> list[tuple[float]]:
        return [(time.time() + self.ahead,)]

    def batch_bans(self, after: int, last: int, limit: int) -> list[tuple[Any, ...]]:
        chosen = [batch for batch in sorted(self.bans) if after < batch <= last][:limit]
        found = []
        for batch in chosen:
            bans, first = self.bans[batch], 100 * batch
            written = self.written + self.ahead if bans else None
            found.append((batch, bans + self.images, bans, bans, first, first + bans - 1, written))
        return found

    def rows_of_batches(self, batches: str) -> list[tuple[Any, ...]]:
        return [
            (batch, 1000 * batch + number, 100 * batch + number, "ban", "image", f"code{number}")
            for batch in self.bans
            for number in range(self.bans[batch])
            if str(batch) in batches.strip("[]").split(", ")
        ]

    def bans_of_rows(self, ids: str) -> list[tuple[Any, ...]]:
        rows = [int(row) for row in ids.strip("[]").split(",")]
        return [(row, row // 1000, row // 10, "ban", self.written + self.ahead) for row in rows]

    def edges_since(self) -> list[tuple[str, float]]:
        return [*self.added.items()]


class Scene:
    """``TakedownLines`` at batch 1, whose work the test calls."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level(logging.DEBUG)
        self.caplog = caplog
        self.database = Database()
        self.fully_numbered = FullyNumberedTimes()
        self.poller = SimpleNamespace(known=(Position(1, "a"), 0), more_to_come=False)
        connection = cast(Any, self.database)
        reader = BanReader(connection, self.fully_numbered)
        self.takedown_lines = TakedownLines(connection, reader, cast(Any, self.poller), threading.Event())
        self.work()
        assert self.takedown_lines._read == 1

    def number(self, batch: int, bans: int) -> None:
        self.database.bans[batch] = bans
        self.poller.known = (Position(batch, "a"), 0)

    def work(self) -> list[dict[str, Any]]:
        """Work once; return the fields of each line that was logged, with its text and level."""
        self.caplog.clear()
        self.takedown_lines._work()
        return [
            {"text": each.getMessage(), "level": each.levelno, **each.fields}  # type: ignore[attr-defined]
            for each in self.caplog.records
        ]

    def count(self, stage: str = "acknowledged") -> float:
        return sum(self.takedown_lines.gone[stage].counts)


@pytest.fixture
def scene(caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(time, "time", lambda: NOW + 10)
    return Scene(caplog)


def receipt(edge: str = "edge1", first: int = 2, last: int = 2, at: float = NOW + 0.25) -> Receipt:
    return Receipt(edge, first, last, "purge", "instance", at)


def test_what_was_numbered_before_the_start_is_not_logged_and_what_comes_is(scene: Scene) -> None:
    scene.number(2, bans=1)
    (line,) = scene.work()
    assert (line["text"], line["ban"], line["row"], line["batch"], line["subject"]) == (
        "numbered",
        200,
        2000,
        2,
        "code0",
    )
    assert scene.work() == []


def test_what_was_committed_while_no_purger_ran_is_logged_once_the_first_poll_has_numbered_it(scene: Scene) -> None:
    scene.takedown_lines._read = None
    scene.number(2, bans=1)
    scene.number(3, bans=1)
    scene.database.numbered_before = 2
    assert [line["batch"] for line in scene.work()] == [3]


def test_the_time_from_commit_to_acknowledgement_is_logged_and_counted(scene: Scene) -> None:
    scene.number(2, bans=2)
    scene.takedown_lines.acknowledged([receipt("edge1"), receipt("edge2", at=NOW + 1.5)])
    _, _, first, second = scene.work()
    assert (first["edge"], first["bans"], first["batch"], first["level"]) == ("edge1", [200, 201], 2, logging.INFO)
    assert first["seconds"] == pytest.approx(0.25)
    assert second["seconds"] == pytest.approx(1.5)
    assert scene.count() == 4
    assert scene.takedown_lines.gone["acknowledged"].total == pytest.approx(2 * 0.25 + 2 * 1.5)


def test_a_long_transaction_counts_from_the_last_look_that_did_not_find_it(scene: Scene) -> None:
    scene.database.written = NOW - 3600
    scene.fully_numbered.add(1, at=NOW - 0.75)
    scene.fully_numbered.add(2, at=NOW)
    scene.number(2, bans=1)
    scene.takedown_lines.acknowledged([receipt()])
    assert scene.work()[-1]["seconds"] == pytest.approx(1.0)


def test_many_bans_and_many_edges_share_a_line(scene: Scene) -> None:
    scene.number(2, bans=SINGLES + 1)
    scene.takedown_lines.acknowledged([receipt(f"edge{number}", at=NOW + number) for number in range(21)])
    numbered, acknowledged = scene.work()
    assert (numbered["ban_count"], numbered["first_ban"], numbered["last_ban"]) == (21, 200, 220)
    assert acknowledged["edges"] == [f"edge{number}" for number in range(21)]
    assert (acknowledged["ban_count"], acknowledged["seconds"]) == (21, pytest.approx(20.0))
    assert "bans" not in acknowledged
    assert scene.count() == 21 * 21


def test_changes_of_images_alone_are_logged_for_debugging_and_not_counted(scene: Scene) -> None:
    scene.database.images = 5
    scene.number(2, bans=0)
    scene.takedown_lines.acknowledged([receipt()])
    assert [line["level"] for line in scene.work()] == [logging.DEBUG, logging.DEBUG]
    assert scene.count() == 0


def test_an_acknowledgement_of_several_batches_names_the_first_and_the_last(scene: Scene) -> None:
    for batch in (2, 3, 4):
        scene.number(batch, bans=1)
    scene.takedown_lines.acknowledged([receipt(first=2, last=4)])
    line = scene.work()[-1]
    assert (line["first_batch"], line["batch"], line["bans"]) == (2, 4, [200, 300, 400])


def test_bans_from_before_an_edge_was_added_are_not_counted_for_it(scene: Scene) -> None:
    scene.database.added["edge1"] = NOW + 1
    scene.number(2, bans=1)
    scene.takedown_lines.acknowledged([receipt("edge1"), receipt("edge2")])
    scene.work()
    assert scene.count() == 1


def test_nothing_is_lost_while_the_database_is_away(scene: Scene) -> None:
    scene.number(2, bans=1)
    scene.work()
    scene.takedown_lines.acknowledged([receipt("edge1")])
    scene.takedown_lines.probed(ProbeResult("edge1", 2000, at=NOW + 2, status=410, gone=True))
    scene.database.away = True
    with pytest.raises(DatabaseUnavailableError):
        scene.work()
    scene.takedown_lines.acknowledged([receipt("edge2")])
    scene.database.away = False
    assert [(line["text"], line["edge"]) for line in scene.work()] == [
        ("acknowledged", "edge1"),
        ("acknowledged", "edge2"),
        ("seen gone", "edge1"),
    ]
    assert (scene.count(), scene.count("seen")) == (2, 1)


def test_a_probe_that_proved_nothing_is_logged_for_debugging_and_one_that_was_shown_the_image_as_a_warning(
    scene: Scene,
) -> None:
    scene.takedown_lines.probed(ProbeResult("edge1", 2000, note="unreachable"))
    scene.takedown_lines.probed(ProbeResult("edge1", 2000, at=NOW + 1, status=200, gone=False))
    scene.takedown_lines.probed(ProbeResult("edge1", 2000, removed=2))
    scene.takedown_lines.probed(ProbeResult("edge1", 2000, at=NOW + 1, status=410, gone=True, code="one of an owner's"))
    lines = scene.work()
    assert [(line["text"], line["level"]) for line in lines] == [
        ("not proven gone", logging.DEBUG),
        ("seen shown", logging.WARNING),
    ]
    assert scene.count("seen") == 0


def test_a_database_that_went_back_is_read_from_its_new_head(scene: Scene) -> None:
    scene.number(2, bans=1)
    scene.work()
    scene.database.bans = {1: 1, 2: 1}
    scene.poller.known = (Position(1, "b"), 1)
    assert scene.work() == []
    scene.poller.known = (Position(2, "b"), 1)
    assert [line["text"] for line in scene.work()] == ["numbered"]
