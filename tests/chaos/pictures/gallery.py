"""Compute the states of one moderator's images from their versions and the bans that hide them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from tests.chaos.history import BANNED, State
from tests.chaos.pictures.distinct_images import Version

#: A scope and a subject.
Subject = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Gallery:
    """Images of some owners, some of which share an original. Nobody else changes these, so changes have one order."""

    owners: dict[str, str]  # by code
    versions: dict[str, Version]  # by code
    bans: frozenset[Subject] = field(default_factory=frozenset)  # that stand

    def state(self, code: str) -> State:
        """Return the state of an image."""
        return BANNED if self.bans.intersection(self._subjects(code)) else self.versions[code].number

    def states(self) -> dict[str, State]:
        """Return the states of all images by code."""
        return {code: self.state(code) for code in self.versions}

    def covered(self, subject: Subject) -> Iterator[str]:
        """Yield the codes of the images that a ban of ``subject`` hides."""
        return (code for code in self.versions if subject in self._subjects(code))

    def toggled(self, subject: Subject) -> "Gallery":
        """Return the same images with a ban of ``subject``, or without it where it stands."""
        return replace(self, bans=self.bans ^ {subject})

    def replaced(self, version: Version) -> "Gallery":
        """Return the same images with another version of one of them."""
        return replace(self, versions=self.versions | {version.code: version})

    def _subjects(self, code: str) -> tuple[Subject, ...]:
        return ("image", code), ("owner", self.owners[code]), ("digest", self.versions[code].digest)
