"""Moderate pictures on a site's own server, and put new ones under their URLs, as the site's users do."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import mysql.connector

from tests.chaos.history import Change, clock
from tests.chaos.people.moderator import Action, Moderator
from tests.chaos.pictures.gallery import Gallery
from tests.chaos.pictures.site_pictures import SitePictures

_PURGE = "INSERT INTO invalidations (scope, subject, cause) VALUES ('image', %s, 'resend')"
_IS_RECORDED = "SELECT EXISTS (SELECT 1 FROM site_urls WHERE code = %s AND digest = %s)"

#: Seconds after which a database that goes back to a copy has the purge of a new picture.
_OLDEST_COPY = 40.0


class SiteModerator(Moderator):
    """A moderator of the site's pictures, who also acts for the site: a new picture is followed by a purge."""

    def __init__(self, pictures: SitePictures, *arguments: Any) -> None:
        """Take the pictures, and the arguments of ``Moderator``."""
        super().__init__(*arguments)
        self._pictures = pictures
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
        # A ban by content takes the images of which the origin has read it (docs/guide/limits.md).
        if self._random.random() < 0.5 and (content in self.gallery.bans or self._is_recorded(code, version.digest)):
            return self._ban_or_lift(content)
        return self._ban_or_lift(("image", code))

    def _renew(self, code: str) -> None:
        """Put a new picture under an image's URLs, then purge the image."""
        version = self._catalogue.make(code)
        after = self.gallery.replaced(version)
        begun = self._history.begin({code: after.state(code)})
        self._pictures.put(version)
        self.gallery = after
        self._renewed[code] = clock()
        if self._untold is None:
            self._purge(code)
            self._history.finish(begun, committed=True)
        else:
            self._untold.append(begun)

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

    def _is_recorded(self, code: str, digest: str) -> bool:
        try:
            return bool(self._run("purger", (_IS_RECORDED, (code, digest))))
        except mysql.connector.Error:
            self._forget("purger")
            return False
