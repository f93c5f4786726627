"""What an import takes, and what it makes of it."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Stability:
    """What an import does to ``images.stable_until``: set it to ``until`` (UTC; None clears it), or keep it."""

    change: bool = False
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Rules:
    """All that ``origin import`` can be told of files and images."""

    stability: Stability = Stability()
    strip: bool = True  # metadata
    move: bool = False  # images of other owners
    include_private: bool = False  # files that only their owner may read
    max_bytes: int = 64 << 20  # of a file; a larger one would push much else out of an edge's cache
    max_pixels: int = 89_478_485  # of a picture, as Pillow has it; what an import needs of memory depends on it
