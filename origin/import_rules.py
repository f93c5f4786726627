"""Defines the rules of one import: the files that it takes, and the changes that it makes."""

from dataclasses import dataclass
from datetime import datetime

from origin.renditions import REDUCED, Reduced


@dataclass(frozen=True, slots=True)
class Stability:
    """Sets ``images.stable_until`` to ``until`` (UTC; None clears it) if ``change``, and otherwise keeps it."""

    change: bool = False
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class ImportRules:
    """The settings of ``origin import``, with their defaults."""

    stability: Stability = Stability()
    #: The reduced renditions to make of each image.
    renditions: tuple[Reduced, ...] = REDUCED
    #: Remove metadata from the files.
    strip: bool = True
    #: Take over images of other owners.
    move: bool = False
    #: Import files that only their owner may read.
    include_private: bool = False
    #: Bytes of the largest file: a larger one would push much else out of an edge's cache.
    max_bytes: int = 64 << 20
    #: Pixels of the largest picture, with Pillow's default. The memory that an import takes depends on it.
    max_pixels: int = 89_478_485
