"""Defines the rules of one import: the files that it takes, their limits, and the changes that it makes."""

from dataclasses import dataclass
from datetime import UTC, datetime

from origin.importing.renditions import REDUCED, Reduced


@dataclass(frozen=True, slots=True)
class Stability:
    """Sets ``images.stable_until`` to ``until`` (UTC; None clears it) if ``change``, and otherwise keeps it."""

    change: bool = False
    until: datetime | None = None


def parse_moment(text: str) -> datetime:
    """Read a date, with or without a time, in UTC unless it names another zone, to the second.

    The result is in UTC with no zone attached, as the database's driver takes it. Raises ``ValueError``.
    """
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is not None:
            moment = moment.astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!a} is no date, such as 2030-12-31 or 2030-12-31T18:00:00Z") from None
    return moment.replace(microsecond=0)


@dataclass(frozen=True, slots=True)
class ImportRules:
    """The settings of ``origin import``, with their defaults."""

    #: The reduced renditions to make of each image.
    renditions: tuple[Reduced, ...] = REDUCED
    #: Remove metadata from the files.
    strip: bool = True
    #: Take over images of other owners.
    move: bool = False
    #: Take the content of a file in place for unchanged if its path and its size are.
    trust_size: bool = False
    #: Files that are read and decoded at a time.
    jobs: int = 1
    #: Bytes of the largest file: a larger one would push much else out of an edge's cache.
    max_bytes: int = 64 << 20
    #: Pixels of the largest picture, with Pillow's default. The memory that an import takes depends on it.
    max_pixels: int = 89_478_485
    #: Seconds of processor time that a picture may take: five times what the largest took, with its thumbnail.
    decode_time: int = 10
