"""The values that the parts of the origin hand to each other."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from origin.byte_ranges import ByteRange


class Found(NamedTuple):
    """The row that lookup.sql answers, its columns in their order. Times are UTC and have no zone attached."""

    content_type: str | None
    size: int | None
    digest: str | None
    owner: str | None
    stable_until: datetime | None
    banned: int
    pending: int
    changed_at: datetime | None
    read_at: datetime
    seen: int  # number of the last batch in the lookup's own snapshot
    read_only: int = 0  # the server was demoted and may be behind


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long the edge keeps an answer, in seconds."""

    full: int
    unknown: int
    undated: int


class FilePart(NamedTuple):
    """A part of the file (or the special image) with this digest, which has to have this size in bytes."""

    digest: str
    size: int
    part: ByteRange
