"""Parses the answer of an edge's purge listener: an acknowledgement, or one of the errors of a delivery."""

import re
from typing import NamedTuple, Self

from purger.edge.connection import Reply
from purger.edge.errors import (
    AddressRefusedError,
    DeliveryError,
    FailingError,
    MalformedError,
    OtherInstanceError,
    RefusedError,
)
from purger.edge.purge_request import BATCH
from purger.model import Position
from takedown_base.printable import printable

#: The name of a rendition.
_RENDITION = re.compile(r"[a-z0-9_-]{1,32}")

#: Most renditions that an edge may name.
_MOST_RENDITIONS = 100

#: A lease, in seconds.
_LEASE = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")

#: A time of the edge's own clock, in seconds since 1970.
_CLOCK = re.compile(r"[0-9]{1,11}(\.[0-9]{1,9})?")

#: An ETag with the instance.
_INSTANCE = re.compile(r'"([!#-~]{1,64})"')

#: A count of objects.
_COUNT = re.compile(r"[0-9]{1,9}")

#: A part of the answer of `varnish/takedown/listener.vcl` to an address that its ACL lacks.
_NOT_IN_ACL = "not in the ACL takedown_purgers"

#: Most characters of an answer in a message.
_SHOWN = 160


class EdgeAnswer(NamedTuple):
    """The acknowledgement of a request."""

    instance: str  # of the varnishd process that gave it
    now: str  # the edge's clock as the edge wrote it: seconds.milliseconds since 1970
    removed: int | None  # objects, on PURGE
    mode: str | None  # trusted, fail-safe or unguarded
    epoch: str | None  # the epoch that the edge keeps, on HEARTBEAT
    position: Position  # of the edge after the request
    renditions: tuple[str, ...] | None = None  # besides the original, on HEARTBEAT
    lease: float | None = None  # seconds, on HEARTBEAT

    @property
    def heartbeat_age(self) -> float | None:
        """The seconds since the edge's last heartbeat, by its own clock. None: it has had none."""
        epoch = float(self.epoch or 0)
        return float(self.now) - epoch if epoch else None

    @property
    def lease_remaining(self) -> float | None:
        """The seconds for which the edge still trusts its cache without another heartbeat. None: it does not say."""
        if self.lease is None:
            return None
        return 0.0 if self.heartbeat_age is None else max(0.0, self.lease - self.heartbeat_age)

    @classmethod
    def read(cls, reply: Reply) -> Self:
        """Read the acknowledgement in a reply. Raises the ``DeliveryError`` of a reply without one."""
        if not 200 <= reply.status < 300:
            raise _refusal(reply)
        instance = _INSTANCE.fullmatch(reply.headers.get("etag", ""))
        now = reply.headers.get("takedown-now", "")
        position = reply.headers.get(BATCH.lower())
        if not instance or not _CLOCK.fullmatch(now) or position is None:
            raise RefusedError(
                f"{_text(reply)}: without ETag, Takedown-Now and {BATCH} this is no purge listener of this version:"
                " check the purge URL, and load the VCL of this version into the edge (docs/operate/edge.md)"
            )
        if (read := Position.read(position)) is None:
            raise RefusedError(f"{_text(reply)}: {BATCH} is no position: {_shown(position)}")
        epoch = reply.headers.get("takedown-epoch")
        if epoch is not None and not _CLOCK.fullmatch(epoch):
            raise RefusedError(f"{_text(reply)}: Takedown-Epoch is no time: {_shown(epoch)}")
        removed = reply.headers.get("takedown-removed", "")
        lease = reply.headers.get("takedown-lease", "")
        return cls(
            instance=instance[1],
            now=now,
            removed=int(removed) if _COUNT.fullmatch(removed) else None,
            mode=reply.headers.get("takedown-mode"),
            epoch=epoch,
            position=read,
            renditions=_renditions(reply.headers.get("takedown-renditions")),
            lease=float(lease) if _LEASE.fullmatch(lease) else None,
        )


def _refusal(reply: Reply) -> DeliveryError:
    """Make the error of an answer that is no acknowledgement."""
    kinds: dict[int, type[DeliveryError]] = {412: OtherInstanceError, 400: MalformedError}
    kind = FailingError if reply.status >= 500 else kinds.get(reply.status, RefusedError)
    if reply.status == 403 and _NOT_IN_ACL in reply.text:
        kind = AddressRefusedError
    return kind(_text(reply))


def _text(reply: Reply) -> str:
    return f"{reply.status} {_shown(' '.join(reply.text.split()))}"


def _shown(text: str) -> str:
    return printable(text)[:_SHOWN]


def _renditions(value: str | None) -> tuple[str, ...] | None:
    """Read the names of renditions, which are requested later; return None when one of them is malformed."""
    if value is None:
        return None
    names = tuple(dict.fromkeys(name.strip(" \t") for name in value.split(","))) if value else ()
    well_formed = len(names) <= _MOST_RENDITIONS and all(_RENDITION.fullmatch(name) for name in names)
    return names if well_formed else None
