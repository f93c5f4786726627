"""Collects one edge's receipts and probe results until its worker hands them to the recorder. Writes nothing itself."""

import time
from collections.abc import Iterable

from purger.model import ProbeResult, Receipt, SavedProgress
from purger.records.recorder import Recorder


class EdgeResults:
    """The receipts and probe results of one edge that have yet to be recorded; for one thread."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._receipts: list[Receipt] = []
        self._probe_results: list[ProbeResult] = []

    def add_receipt(self, edge: str, instance: str | None, first: int, last: int, method: str) -> None:
        """Add a receipt of the batches ``first`` to ``last``, which the edge has acknowledged just now."""
        self._receipts.append(Receipt(edge, first, last, method, str(instance), time.time()))

    def add_probe_results(self, probe_results: Iterable[ProbeResult]) -> None:
        """Add probe results, which count with the next progress that is recorded."""
        self._probe_results += probe_results

    def drop(self) -> None:
        """Drop everything: the database has gone back, and gives the batch numbers to others."""
        self._receipts, self._probe_results = [], []

    def write(self, edge: str, saved: SavedProgress | None, *, flushed: bool, setbacks: int) -> None:
        """Hand everything to the recorder with the edge's progress.

        Without progress, as long as a flush has yet to be sent again, everything waits for that. ``setbacks`` of the
        database are those that the edge was flushed for.
        """
        if saved is None:
            return
        receipts, probe_results = self._receipts, self._probe_results
        self.drop()
        self._recorder.acknowledged(
            edge, saved, flushed=flushed, receipts=receipts, probe_results=probe_results, setbacks=setbacks
        )
