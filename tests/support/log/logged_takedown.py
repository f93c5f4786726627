"""A log of one takedown in memory, whose leaves a test may change."""

from typing import Any

from takedown_log.findings import ActFinding, find
from takedown_log.proof import verify
from takedown_log.tree import leaf_hash
from tests.support.log.proof_log import MemoryLog

TIMES = [f"2026-11-26T12:00:0{second}.000000Z" for second in range(10)]

VALUES = {"subject": "kX3_vQ", "account": "desk@site", "banned_by": "Ann", "reason": "court order 7"}


class Takedown:
    """A log of one ban at two edges, whose leaves a test may change."""

    def __init__(self) -> None:
        self.log = MemoryLog()
        self.places: list[int] = []

    def add(self, kind: str, committed: dict[str, str] | None = None, **members: Any) -> None:
        self.places.append(self.log.append({"kind": kind, **members}, committed))

    def edges(self, *names: str) -> str:
        self.add("edges", at=TIMES[0], names=list(names))
        return leaf_hash(self.log.leaves[-1].encode()).hex()

    def ban(
        self,
        edges: str,
        action: str = "ban",
        batch: int = 7,
        scope: str = "image",
        values: dict[str, str] | None = None,
        event: int = 1,
    ) -> None:
        self.add("batch", batch=batch, identity="x", at=TIMES[1], rows=1, edges=edges)
        self.add(
            *("event", VALUES | (values or {})),
            event=event,
            action=action,
            scope=scope,
            at=TIMES[1],
            ban=1,
            row=4 + event,
            batch=batch,
        )

    def acknowledged(self, edge: str, first: int = 7, last: int = 7) -> None:
        self.add("acknowledged", edge=edge, first=first, last=last, method="purge", instance=f"i-{edge}", at=TIMES[2])

    def seen(self, edge: str, gone: str, at: str = TIMES[3], **more: Any) -> None:
        self.add("seen", edge=edge, row=5, at=at, status=410, gone=gone, **more)

    def find(self, *left_out: str) -> tuple[ActFinding, ...]:
        chosen = [place for place in self.places if not any(f'"{kind}"' in self.log.leaves[place] for kind in left_out)]
        return find(verify(self.log.prove(*chosen), self.log.signer.verifier()))

    def file(self) -> str:
        """Return the file of a proof of all leaves."""
        return self.log.prove(*self.places).text()
