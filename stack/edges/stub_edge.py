"""Answers the requests of a purger as an edge's VCL does, without a cache. No network and no clock here."""

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from purger.edge.instance_proof import HEADER, InstanceProof

_POSITION = re.compile(r"[0-9]{1,15}:[0-9A-Za-z-]{1,64}")
_EPOCH = re.compile(r"[0-9]{1,11}\.[0-9]{3}")
_TAG = r"(?:[io]:[A-Za-z0-9_-]{1,64}|d:[0-9a-f]{64})"
_TAGS = re.compile(rf"{_TAG}(?:,{_TAG})*+")

#: The body of the answers for banned images.
_SPECIAL = b"banned"
_DIGEST = base64.b64encode(hashlib.sha256(_SPECIAL).digest()).decode()


class StubReply(NamedTuple):
    """An answer of an edge."""

    status: int
    headers: dict[str, str]
    body: bytes = b""

    def encoded(self) -> bytes:
        """Encode the answer as HTTP/1.1."""
        lines = [f"HTTP/1.1 {self.status} Stub", f"Content-Length: {len(self.body)}"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        return "\r\n".join([*lines, "", ""]).encode() + self.body


class _RefusedByStubError(Exception):
    """The request is refused with ``status``."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(slots=True)
class StubEdge:
    """One edge: instance, position and lease, and records of the requests that it has carried out.

    Its public listener answers each request for an image as for a banned one. Header names are in lower case. Times
    are seconds since 1970; ``lease`` is in seconds.
    """

    name: str
    token: str
    lease: float
    position: str = "0:none"
    instance: str = "1"
    trusted_from: float = 0.0
    watched: set[str] = field(default_factory=set)  # tags whose first purge is recorded
    arrived: dict[str, float] = field(default_factory=dict)  # by watched tag, when it was first purged
    requests: int = 0
    received: int = 0  # bytes of requests
    renewals: int = 0
    renewed_at: float = 0.0
    longest_gap: float = 0.0  # seconds between two renewals of the lease
    lapses: int = 0  # renewals of a lease that had run out
    flushes: int = 0

    def answer(self, method: str, path: str, headers: Mapping[str, str], *, size: int, now: float) -> StubReply:
        """Carry out a request of ``size`` bytes that arrived at ``now``."""
        self.requests += 1
        self.received += size
        if method in ("GET", "HEAD"):
            state = {"Takedown-State": "banned", "Repr-Digest": f"sha-256=:{_DIGEST}:"}
            if question := headers.get(HEADER.lower()):
                state[HEADER] = InstanceProof(self.token, self.instance).answer(question)
            return StubReply(410, state, _SPECIAL if method == "GET" else b"")
        if headers.get("authorization") != f"Bearer {self.token}":
            return StubReply(403, {})
        status, more = 200, dict[str, str]()
        try:
            more = self._carry_out(method, path, headers, now)
        except _RefusedByStubError as error:
            status = error.status
        if method == "HEARTBEAT" and status in (200, 412):
            more = {"Takedown-Lease": "10.000", "Takedown-Renditions": "", "Takedown-Stale": "0"}
            if self.trusted_from:
                more["Takedown-Epoch"] = f"{self.trusted_from:.3f}"
        return StubReply(status, self._described(now) | more)

    def forget(self) -> None:
        """Drop what was recorded, and go on as before."""
        self.watched.clear()
        self.arrived.clear()
        self.requests = self.received = self.renewals = self.lapses = self.flushes = 0
        self.longest_gap = 0.0

    def _carry_out(self, method: str, path: str, headers: Mapping[str, str], now: float) -> dict[str, str]:
        if method not in ("PURGE", "BAN", "HEARTBEAT"):
            raise _RefusedByStubError(405)
        if headers.get("if-match") not in (None, "*", f'"{self.instance}"'):
            raise _RefusedByStubError(412)
        batch, after = headers.get("takedown-batch"), headers.get("takedown-after")
        if not all(_POSITION.fullmatch(value) for value in (batch, after) if value is not None):
            raise _RefusedByStubError(400)
        if method == "HEARTBEAT":
            self._take_heartbeat(batch, headers.get("takedown-epoch"), now)
            return {}
        if method == "PURGE":
            return self._purge(path, headers, batch, after, now)
        self._flush(path, headers, batch, after)
        return {}

    def _take_heartbeat(self, batch: str | None, epoch: str | None, now: float) -> None:
        if epoch is not None and not (_EPOCH.fullmatch(epoch) and float(epoch) <= now):
            raise _RefusedByStubError(400)
        if batch not in (None, self.position):
            raise _RefusedByStubError(412)
        if epoch is not None:
            self._renew(float(epoch), now)

    def _renew(self, epoch: float, now: float) -> None:
        if self.renewals:
            self.longest_gap = max(self.longest_gap, now - self.renewed_at)
            self.lapses += not self._trusts(now)
        self.renewals += 1
        self.renewed_at = now
        if self.trusted_from <= epoch or self.trusted_from > now:
            self.trusted_from = epoch

    def _purge(
        self, path: str, headers: Mapping[str, str], batch: str | None, after: str | None, now: float
    ) -> dict[str, str]:
        tags = headers.get("takedown-tags", "")
        if path != "/" or not _TAGS.fullmatch(tags):
            raise _RefusedByStubError(400)
        if self.watched:
            for tag in self.watched.intersection(tags.split(",")):
                self.arrived.setdefault(tag, now)
        self._move(batch, after)
        return {"Takedown-Removed": "0"}

    def _flush(self, path: str, headers: Mapping[str, str], batch: str | None, after: str | None) -> None:
        if path != "/" or headers.get("takedown-all") != "1":
            raise _RefusedByStubError(400)
        if after is None:
            self.flushes += batch is not None
            self.position = batch or self.position
        else:
            self._move(batch, after)

    def _move(self, batch: str | None, after: str | None) -> None:
        if batch is not None and after in (None, self.position) and _number(batch) > _number(self.position):
            self.position = batch

    def _trusts(self, now: float) -> bool:
        return self.trusted_from <= now < self.trusted_from + self.lease

    def _described(self, now: float) -> dict[str, str]:
        return {
            # Rounded down: a moment in the future would be refused as an epoch.
            "Takedown-Now": f"{now - 0.0005:.3f}",
            "ETag": f'"{self.instance}"',
            "Takedown-Mode": "trusted" if self._trusts(now) else "fail-safe",
            "Takedown-Batch": self.position,
            "Content-Type": "text/plain; charset=utf-8",
        }


def _number(position: str) -> int:
    return int(position.partition(":")[0])
