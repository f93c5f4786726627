"""Act on all moderators together, for faults that undo their changes."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from tests.chaos.history import History, State, clock
from tests.chaos.people.moderator import Moderator
from tests.chaos.people.site_moderator import SiteModerator
from tests.chaos.pictures.distinct_images import Catalogue
from tests.chaos.pictures.gallery import Gallery
from tests.chaos.system.system_with_proxies import System

_BANS = "SELECT DISTINCT scope, subject FROM bans WHERE lifted_at IS NULL"
#: The second of the site's pictures, as the origin has read them; the latest come last.
_VERSIONS = (
    "SELECT code, digest FROM renditions WHERE name = 'original'",
    "SELECT code, digest FROM site_urls WHERE url NOT LIKE '/files/thumb/%' ORDER BY recorded_at",
)


class ModeratorGroup:
    """All moderators of a campaign, with the states that they take the images to be in."""

    def __init__(self, moderators: Sequence[Moderator], site: SiteModerator, system: System, history: History) -> None:
        """Take the moderators of imported images, and the one of the site's pictures."""
        self._moderators = [*moderators, site]
        self.site = site
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
        """Stop all moderators inside the block. At its end record each image whose state has changed.

        Readers drop the dates that they know: those of images go back too, so that a lost one is answered by a 304
        (docs/operate/database.md, "Backups and failover"). The site's files go back with the database. Edges may show
        lost states for as long as a fault lets them.
        """
        with self.idle():
            sent = clock()
            self._history.dates_count_from = math.inf
            yield
            self._history.dates_count_from = clock() + self._system.bound
            changed: dict[str, State] = {}
            shown = self.site.gallery
            for moderator in self._moderators:
                before = moderator.gallery.states()
                moderator.gallery = self._read_back(moderator.gallery)
                changed |= {code: state for code, state in moderator.gallery.states().items() if state != before[code]}
            self.site.put_back(shown)
            self._history.finish(self._history.begin(changed, sent), committed=True)

    def _read_back(self, gallery: Gallery) -> Gallery:
        """Read the bans and versions of a moderator's images from the database."""
        bans = frozenset((str(scope), str(subject)) for scope, subject in self._system.rows(_BANS))
        versions = {
            str(code): self._catalogue.version(code, digest)
            for query in _VERSIONS
            for code, digest in self._system.rows(query)
            if code in gallery.versions
        }
        return replace(gallery, bans=bans, versions=gallery.versions | versions)
