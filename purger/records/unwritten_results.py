"""Merges the receipts, progress and probe results of all edges that wait for the recorder. No thread and no SQL here.

Drops those of a database that was restored to an earlier state (setback).
"""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from purger.model import ProbeResult, Receipt, SavedProgress


class ProgressWrite(NamedTuple):
    """The progress of one edge; ``flushed``: a flush led to it, so that it may be behind the recorded one."""

    edge: str
    saved: SavedProgress
    flushed: bool


class Liveness(NamedTuple):
    """The last answer and the problem of one edge.

    None means "unchanged", except in ``problem``, where it means "no problem".
    """

    edge: str
    seen_at: float | None  # the purger's clock, seconds since 1970
    epoch: float | None  # the edge's clock, seconds since 1970
    problem: str | None
    lease: float | None = None  # seconds, as the edge names it


@dataclass(slots=True)
class UnwrittenResults:
    """Everything that waits to be written. Only the latest progress and liveness of an edge count.

    ``setbacks`` counts how often the database had gone back when these were noted. It gives the batch numbers and ids
    from before a setback again, to other rows.
    """

    setbacks: int = 0
    progress: dict[str, ProgressWrite] = field(default_factory=dict)  # by edge, as the next two
    flushes: dict[str, int] = field(default_factory=dict)  # the last answered request for a flush
    liveness: dict[str, Liveness] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)
    probe_results: list[ProbeResult] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.progress or self.flushes or self.liveness or self.receipts or self.probe_results)

    def reach(self, setbacks: int) -> bool:
        """Drop all that is older than the latest of ``setbacks``; return True when notes of that count may be added.

        The answered request for a flush stays, and so does the time when an edge answered. Its epoch goes: it says
        that the edge has everything up to then.
        """
        if setbacks > self.setbacks:
            self.setbacks = setbacks
            for edge, progress in self.progress.items():
                self.put_flush(edge, progress.saved.flush_done)
            self.progress.clear()
            self.receipts.clear()
            self.probe_results.clear()
            self.liveness = {edge: liveness._replace(epoch=None) for edge, liveness in self.liveness.items()}
        return setbacks == self.setbacks

    def put_progress(self, progress: ProgressWrite) -> None:
        """Note an edge's progress; a flush that was noted before remains one."""
        before = self.progress.get(progress.edge)
        if before is not None and before.flushed:
            progress = progress._replace(flushed=True)
        self.progress[progress.edge] = progress

    def put_flush(self, edge: str, request: int) -> None:
        """Note that a flush has answered the request of this number; 0: no request."""
        if request:
            self.flushes[edge] = request

    def put_liveness(self, liveness: Liveness) -> None:
        """Note an edge's last answer and its problem; what else is None leaves what was noted unchanged."""
        if before := self.liveness.get(liveness.edge):
            seen_at = before.seen_at if liveness.seen_at is None else liveness.seen_at
            epoch = before.epoch if liveness.epoch is None else liveness.epoch
            lease = before.lease if liveness.lease is None else liveness.lease
            liveness = liveness._replace(seen_at=seen_at, epoch=epoch, lease=lease)
        self.liveness[liveness.edge] = liveness

    def edges(self) -> set[str]:
        """Return the names of all edges of which something waits to be written."""
        return {*self.progress, *self.flushes, *self.liveness, *(receipt.edge for receipt in self.receipts)}

    def without(self, edges: Collection[str]) -> "UnwrittenResults":
        """Return the same without progress, liveness and receipts of these edges."""
        return replace(
            self,
            progress={edge: progress for edge, progress in self.progress.items() if edge not in edges},
            liveness={edge: liveness for edge, liveness in self.liveness.items() if edge not in edges},
            receipts=[receipt for receipt in self.receipts if receipt.edge not in edges],
        )

    def merge(self, later: "UnwrittenResults") -> None:
        """Add all that was noted later. ``later`` is not to be used afterwards."""
        latest = max(self.setbacks, later.setbacks)
        self.reach(latest)
        later.reach(latest)
        for progress in later.progress.values():
            self.put_progress(progress)
        for liveness in later.liveness.values():
            self.put_liveness(liveness)
        self.flushes |= later.flushes
        self.receipts += later.receipts
        self.probe_results += later.probe_results
