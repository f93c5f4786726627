"""Checks whether an origin could answer now: the database by a lookup, the stores by a question for a file."""

import threading
import time

from origin.answering.lookup import Lookup
from origin.model import ORIGINAL, ByteRange, FilePart
from origin.row_checks import MalformedRowError
from origin.settings import Settings
from origin.stores.backends import UnusableStoreError, require_usable
from origin.stores.contract import StoreAwayError
from origin.stores.store import open_store
from takedown_base.printable import printable
from takedown_db.connection.errors import DatabaseUnavailableError

#: Seconds for which a result is given to all who ask: the page costs the database a lookup a second at most.
_KEPT = 1.0

#: The code of the lookup, whether or not there is such an image, and the digest of no file.
_CODE = "-"
_DIGEST = "0" * 64


class Readiness:
    """The checks of one process. ``problems`` may be called by any thread."""

    def __init__(self, settings: Settings) -> None:
        """Connect at the first check. Raises ``UnusableStoreError``."""
        self._settings = settings
        self._lookup = Lookup(settings.database_url, replica=settings.replica)
        self._store = open_store(settings.store, settings.in_place)
        self._lock = threading.Lock()
        self._checked = float("-inf")
        self._found: list[str] = []

    def problems(self) -> list[str]:
        """List the reasons why images could not be served now. Takes 3 s at most."""
        with self._lock:
            if time.monotonic() - self._checked > _KEPT:
                self._found = [*self._of_database(), *self._of_stores()]
                self._checked = time.monotonic()
            return self._found

    def _of_database(self) -> list[str]:
        try:
            self._lookup.find(_CODE, ORIGINAL, time.monotonic())
        except (DatabaseUnavailableError, MalformedRowError) as error:
            return [f"database: {printable(error)}"]
        return []

    def _of_stores(self) -> list[str]:
        try:
            require_usable(self._settings.store, "--store")
            self._store.size(FilePart(_DIGEST, 0, ByteRange(0, 0)))
            if self._settings.in_place is not None:
                require_usable(self._settings.in_place, "--in-place")
                self._store.size(FilePart(_DIGEST, 0, ByteRange(0, 0), path=_DIGEST))
        except (OSError, StoreAwayError, UnusableStoreError) as error:
            return [f"store: {printable(error)}"]
        return []
