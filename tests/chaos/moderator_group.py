"""Act on all moderators together, for faults that undo their changes."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager

from tests.chaos.distinct_images import Catalogue
from tests.chaos.history import History, State, clock
from tests.chaos.moderator import Moderator, OwnedImages
from tests.chaos.system_with_proxies import System

_BANNED = "SELECT DISTINCT subject FROM bans WHERE scope = '{}' AND lifted_at IS NULL"
_VERSIONS = "SELECT code, digest FROM renditions WHERE name = 'original'"


class ModeratorGroup:
    """All moderators of a campaign, with the states that they take the images to be in."""

    def __init__(self, moderators: Sequence[Moderator], system: System, history: History) -> None:
        self._moderators = moderators
        self._system = system
        self._catalogue: Catalogue = system.catalogue
        self._history = history

    @contextmanager
    def idle(self) -> Iterator[None]:
        """Stop all moderators inside the block, so that no later change hides a wrong state at an edge."""
        with ExitStack() as idle:
            for moderator in self._moderators:
                idle.enter_context(moderator.acting)
            yield

    @contextmanager
    def undone(self) -> Iterator[None]:
        """Stop all moderators inside the block. At its end record each image whose state has changed."""
        with self.idle():
            sent = clock()
            yield
            changed: dict[str, State] = {}
            for moderator in self._moderators:
                for owned in moderator.owners:
                    changed |= self._read_back(owned)
            self._history.finish(self._history.begin(changed, sent), committed=True)

    def _read_back(self, owned: OwnedImages) -> dict[str, State]:
        """Read an owner's images from the database. Returns those whose state has changed, with the new states."""
        before = {code: owned.state(code) for code in owned.versions}
        owners = {subject for (subject,) in self._system.rows(_BANNED.format("owner"))}
        images = {subject for (subject,) in self._system.rows(_BANNED.format("image"))}
        owned.owner_banned = owned.owner in owners
        owned.banned = images & set(owned.versions)
        for code, digest in self._system.rows(_VERSIONS):
            if code in owned.versions:
                owned.versions[code] = self._catalogue.number(digest)
        return {code: owned.state(code) for code in before if owned.state(code) != before[code]}
