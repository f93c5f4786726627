"""Moderate pictures on a site's own server, and put new ones under their URLs, as the site's users do."""

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

import mysql.connector
import requests

from stack.edges.edge import Edge
from tests.chaos.history import Change, clock
from tests.chaos.people.moderator import Action, Moderator
from tests.chaos.pictures.distinct_images import Version
from tests.chaos.pictures.gallery import Gallery, Subject
from tests.chaos.pictures.site_pictures import SitePictures, url_of

_PURGE = "INSERT INTO invalidations (scope, subject, cause) VALUES ('image', %s, 'resend')"
_IS_RECORDED = "SELECT EXISTS (SELECT 1 FROM site_urls WHERE code = %s AND digest = %s)"
_RECORDED_CODES = "SELECT COUNT(DISTINCT code) FROM site_urls WHERE digest = %s"

#: Seconds for a look at a new picture, since an edge may be frozen, and until the next look.
_TIMEOUT, _PAUSE = 3.0, 0.05

#: Seconds after which a database that goes back to a copy has the purge of a new picture.
_OLDEST_COPY = 40.0


class SiteModerator(Moderator):
    """A moderator of the site's pictures, who also acts for the site: a new picture is followed by a purge."""

    def __init__(self, pictures: SitePictures, edges: Sequence[Edge], *arguments: Any) -> None:
        """Take the pictures, the edges, and the arguments of ``Moderator``."""
        super().__init__(*arguments)
        self._pictures = pictures
        self._edges = edges
        self._renewed: dict[str, float] = {}  # when each code got its latest picture
        self._untold: list[dict[str, Change]] | None = None  # new pictures whose purges wait; None: none has to

    def _act(self) -> None:
        code = self._choose()
        banned = ("digest", self.gallery.versions[code].digest) in self.gallery.bans
        # The origin does not read what is banned by its content: it stays hidden whatever the site puts there.
        if self._random.random() < 0.25 and not banned:
            self._renew(code)
        else:
            self._carry_out(self._moderation_of(code))

    def _moderation_of(self, code: str) -> Action:
        version = self.gallery.versions[code]
        content = ("digest", version.digest)
        # A ban by content takes the images of which the origin has read it last (docs/guide/limits.md).
        if self._random.random() < 0.5 and (content in self.gallery.bans or self._is_known(content)):
            return self._ban_or_lift(content)
        return self._ban_or_lift(("image", code))

    def _renew(self, code: str) -> None:
        """Put a new picture, or a copy of another one, under an image's URLs, then purge the image."""
        version = self._next_version(code)
        after = self.gallery.replaced(version)
        # Until the origin has read a copy of banned content, the thumbnail of that may be shown.
        copied = ("digest", version.digest) in self.gallery.bans
        unread = self._history.begin({code: version.number} if copied else {})
        begun = self._history.begin({code: after.state(code)})
        self._pictures.put(version)
        self.gallery = after
        self._renewed[code] = clock()
        if self._untold is None:
            self._purge(code)
            self._await_reading(code)
            self._history.finish(unread, committed=True)
            self._history.finish(begun, committed=True)
        else:
            self._untold.append(begun)

    def _next_version(self, code: str) -> Version:
        if self._untold is not None or ("image", code) in self.gallery.bans or self._random.random() < 0.6:
            return self._catalogue.make(code)
        banned = [each for each in self.gallery.versions.values() if ("digest", each.digest) in self.gallery.bans]
        return self._catalogue.copy(code, self._random.choice(banned or list(self.gallery.versions.values())))

    def _await_reading(self, code: str) -> None:
        """Look at a copy of banned content until the origin has read it: from then on its thumbnail is hidden, too."""
        content = ("digest", self.gallery.versions[code].digest)
        while content in self.gallery.bans and not self._halt.is_set():
            if self._number(_IS_RECORDED, code, content[1]):
                return
            with suppress(requests.RequestException):
                requests.get(self._random.choice(self._edges).url + url_of(code, "original"), timeout=_TIMEOUT)
            self._halt.wait(_PAUSE)

    @contextmanager
    def silent(self) -> Iterator[None]:
        """Tell nobody of new pictures inside the block. At its end purge all of them."""
        with self.acting:
            self._untold = []
        try:
            yield
        finally:
            with self.acting:
                untold, self._untold = self._untold, None
                for begun in untold or []:
                    for code in begun:
                        self._purge(code)
                    self._history.finish(begun, committed=True)

    def put_back(self, before: Gallery) -> None:
        """Put the pictures of the gallery on the server, after the database went back; repeat the purges it lost."""
        for code, version in self.gallery.versions.items():
            if version != before.versions[code]:
                self._pictures.put(version)
            if version != before.versions[code] or clock() - self._renewed.get(code, 0) < _OLDEST_COPY:
                self._purge(code)

    def _purge(self, code: str) -> None:
        """Purge an image, however long it takes until the database is back."""
        while True:
            try:
                self._run("purger", (_PURGE, (code,)))
            except mysql.connector.Error:
                self._forget("purger")
                threading.Event().wait(0.1)
            else:
                return

    def _is_known(self, content: Subject) -> bool:
        """Tell whether the origin has recorded content for the images that show it now, and for no others."""
        return self._number(_RECORDED_CODES, content[1]) == len(list(self.gallery.covered(content))) and all(
            self._number(_IS_RECORDED, code, content[1]) for code in self.gallery.covered(content)
        )

    def _number(self, query: str, *values: str) -> int | None:
        """Run a query. Returns None without the database."""
        try:
            return self._run("purger", (query, values))
        except mysql.connector.Error:
            self._forget("purger")
            return None
