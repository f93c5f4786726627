"""Defines the JSON that `purger ban --json` prints: the fields are its keys."""

from dataclasses import dataclass

from purger.moderation.acknowledgement_wait import EdgeAcknowledgement
from purger.moderation.subject_list import RefusedLine


@dataclass(frozen=True, slots=True)
class BanReport:
    """The ban of one subject."""

    id: int | None  # None: nothing was banned
    scope: str
    subject: str
    images: int | None  # number of images that it hides; None: the schema is too old to tell
    copies: int | None  # number of other codes with the original of this code; None: for other scopes too
    acknowledged: bool | None  # whether all edges have acknowledged it; None: without --wait
    edges: list[EdgeAcknowledgement] | None


@dataclass(frozen=True, slots=True)
class BanListReport:
    """The bans of a list. Subjects and images are counted by scope."""

    dry_run: bool
    banned: dict[str, int]
    images: dict[str, int] | None  # number of images that a ban would hide; None: no dry run, or an old schema
    banned_already: int
    without_image: int
    malformed: int
    refused: list[RefusedLine]  # the first 10,000
    acknowledged: bool | None  # as in BanReport
    edges: list[EdgeAcknowledgement] | None
