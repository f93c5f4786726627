"""Holds the notes that wait to be written, and drops those that a database which has gone back never came to."""

from dataclasses import dataclass, field
from typing import Any

from purger.model import ProbeResult, Receipt


@dataclass(slots=True)
class PendingWrites:
    """PendingWrites that wait. Of an edge's progress and liveness only the latest counts.

    ``setbacks`` counts how often the database had gone back when they were made. Batch numbers and ids from before a
    setback are given out again, to other rows.
    """

    setbacks: int = 0
    progress: dict[str, dict[str, Any]] = field(default_factory=dict)
    flushes: dict[str, dict[str, Any]] = field(default_factory=dict)
    liveness: dict[str, dict[str, Any]] = field(default_factory=dict)
    receipts: list[Receipt] = field(default_factory=list)
    probe_results: list[ProbeResult] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.progress or self.flushes or self.liveness or self.receipts or self.probe_results)

    def reach(self, setbacks: int) -> bool:
        """Drop notes that are older than the latest of ``setbacks``; whether notes of that count may be added.

        The answered request for a flush stays, and so does the time when an edge answered. Its epoch goes: it says
        that the edge has everything up to then.
        """
        if setbacks > self.setbacks:
            self.setbacks = setbacks
            for values in self.progress.values():
                self.put_flush(values["name"], values["flush_done"])
            self.progress.clear()
            self.receipts.clear()
            self.probe_results.clear()
            for values in self.liveness.values():
                values["epoch"] = None
        return setbacks == self.setbacks

    def put_progress(self, values: dict[str, Any]) -> None:
        """Note an edge's progress; a flush that was noted before remains one."""
        before = self.progress.get(values["name"])
        self.progress[values["name"]] = values | {"flushed": values["flushed"] or bool(before and before["flushed"])}

    def put_flush(self, edge: str, request: int) -> None:
        """Note that a flush has answered the request ``request``; 0 is none."""
        if request:
            self.flushes[edge] = {"name": edge, "flush_done": request}

    def merge(self, later: "PendingWrites") -> None:
        """Add notes that were made later. ``later`` is not to be used afterwards."""
        latest = max(self.setbacks, later.setbacks)
        self.reach(latest)
        later.reach(latest)
        for values in later.progress.values():
            self.put_progress(values)
        self.flushes |= later.flushes
        self.liveness |= later.liveness
        self.receipts += later.receipts
        self.probe_results += later.probe_results
