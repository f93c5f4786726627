"""Choose the images of a banned owner that the prober requests, and the edges that it has flushed."""

import threading
import time
from typing import Any, cast

import pytest

from purger.model import Edge, Row
from purger.probing.probe import Probe
from purger.probing.prober import Prober
from purger.probing.schedule import ShownRow
from purger.records.recorder import Recorder
from takedown_db.connection.lasting_connection import Connection


class Codes:
    """The codes of one owner, as a ``Connection`` reads them; counts the reads of the first page."""

    def __init__(self) -> None:
        self.reads = 0

    def rows(self, name: str, /, *, subject: str, after: str, limit: int) -> list[tuple[Any, ...]]:
        assert (name, subject) == ("owner_codes", "alice")
        self.reads += not after
        return [] if after else [(f"code{number:03d}",) for number in range(limit)]


def test_an_owner_is_read_once_for_all_edges() -> None:
    codes = Codes()
    recorder = cast("Recorder", None)  # nothing is seen here
    prober = Prober(cast("Connection", codes), Probe(), recorder, threading.Event(), setbacks=lambda: 0)
    ban = Row(1, 1, "owner", "alice", "ban")
    (choice,) = {id(prober._choose(ban)): prober._choose(ban) for _ in range(250)}.values()
    assert (codes.reads, len(choice.codes), choice.images) == (1, 100, 500)
    prober._choose(Row(2, 2, "owner", "alice", "ban"))
    assert codes.reads == 2, "another ban has images of its own"


class Flushes:
    """The flushes that are asked for, as a ``Connection`` takes them."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def run(self, name: str, /, **values: str) -> None:
        assert name == "ask_flush"
        self.asked.append(f"{values['name']}: {values['served']}")


def test_an_edge_is_flushed_at_the_second_look_once_for_a_ban_and_every_ten_seconds_at_most(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    flushes = Flushes()
    prober = Prober(cast("Connection", flushes), Probe(), cast("Recorder", None), threading.Event(), setbacks=lambda: 0)
    edges = [Edge(name, "http://purge", f"http://{name}", "/token") for name in ("paris", "rome")]
    tasks: dict[tuple[Edge, str], Row | ShownRow] = {
        (edge, code): Row(number, number, "image", code, "ban") for edge in edges for number, code in enumerate("abc")
    }

    def look(*seen: tuple[Edge, str]) -> list[str]:
        flushes.asked.clear()
        for edge, code in seen:
            tasks[edge, code] = prober._distrust(edge, tasks[edge, code], code)
        return [*flushes.asked]

    paris, rome = edges
    assert look((paris, "a"), (paris, "b"), (rome, "a")) == []
    now += 0.9
    assert look((paris, "a"), (paris, "b")) == []
    now += 0.2
    assert look((paris, "a"), (paris, "b"), (rome, "a")) == ["paris: a", "rome: a"]
    now += 9.0
    assert look((paris, "c"), (paris, "b")) == []
    now += 1.1
    assert look((paris, "a"), (paris, "b"), (paris, "c")) == ["paris: b"]
    now += 100.0
    assert look((paris, "a"), (paris, "b"), (rome, "a"), (paris, "c")) == ["paris: c"]
    now += 100.0
    assert look(*((paris, code) for code in "abc"), (rome, "a")) == []
