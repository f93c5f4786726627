"""The moderators together, for faults that undo what they did."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from tests.chaos.catalogue import Catalogue
from tests.chaos.history import History, State, clock
from tests.chaos.moderator import Moderator, Shelf
from tests.chaos.system import System

_BANNED = "SELECT DISTINCT subject FROM bans WHERE scope = '{}' AND lifted_at IS NULL"
_VERSIONS = "SELECT code, digest FROM renditions WHERE name = 'original'"


class ModeratorGroup:
    """All moderators of a campaign, and what they believe."""

    def __init__(self, moderators: Sequence[Moderator], system: System, history: History) -> None:
        self._moderators = moderators
        self._system = system
        self._catalogue: Catalogue = system.catalogue
        self._history = history

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Let nobody moderate inside, so that what an edge shows wrongly is not put right by the next change."""
        with ExitStack() as idle:
            for moderator in self._moderators:
                idle.enter_context(moderator.acting)
            yield

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Let nobody moderate inside. The end reads each image's state from the database, and records what changed."""
        with self.idle():
            sent = clock()
            yield
            changed: dict[str, State] = {}
            for moderator in self._moderators:
                for shelf in moderator.shelves:
                    changed |= self._read_back(shelf)
            self._history.finish(self._history.begin(changed, sent), committed=True)

    def _read_back(self, shelf: Shelf) -> dict[str, State]:
        """Let a shelf be as the database says. Returns the images that are not as they were, with their states."""
        before = {code: shelf.state(code) for code in shelf.versions}
        owners = {subject for (subject,) in self._system.rows(_BANNED.format("owner"))}
        images = {subject for (subject,) in self._system.rows(_BANNED.format("image"))}
        shelf.owner_banned = shelf.owner in owners
        shelf.banned = images & set(shelf.versions)
        for code, digest in self._system.rows(_VERSIONS):
            if code in shelf.versions:
                shelf.versions[code] = self._catalogue.number(digest)
        return {code: shelf.state(code) for code in before if shelf.state(code) != before[code]}
