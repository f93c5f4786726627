"""Choose the images of a banned owner that the prober requests."""

import threading
from typing import Any, cast

from purger.model import Row
from purger.probing.probe import Probe
from purger.probing.prober import Prober
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
