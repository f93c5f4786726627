"""Finds the files of renditions in their stores: the origin's own one, and a site's own tree.

The own store keeps each file under the SHA-256 of its bytes, with two levels of directories: ``<d[0:2]>/<d[2:4]>/<d>``.
A file never changes once it has its name, so that replacing an image does not change a response that is being sent. A
file in place is read by the path that its row has, and nothing is ever written there.
"""

import contextlib
import hashlib
import os
from collections.abc import Iterator
from typing import BinaryIO

from origin.model import FilePart
from origin.stores.backends import open_backend
from origin.stores.contract import PATIENT, Backend, DamagedFileError, StoredBody
from origin.stores.location import Location
from takedown_base.printable import printable


class Store:
    """The files of all renditions."""

    def __init__(self, own: Backend | None, in_place: Backend | None = None) -> None:
        """Take the origin's own store and, where the rows of renditions may have paths, the site's own tree.

        An origin that only judges the URLs of a site's own server has no store.
        """
        self._own_store = own
        self._in_place = in_place

    def open(self, file: FilePart, name: str, latest: float = PATIENT) -> StoredBody:
        """Open a part of a file, by ``latest`` (of the monotonic clock, in seconds).

        Raises ``DamagedFileError`` and ``StoreAwayError``, with ``name`` in their messages.
        """
        try:
            backend, key = self._place(file.digest, file.path)
        except OSError as error:
            raise DamagedFileError(f"{printable(name)}: {error}") from None
        return backend.open(key, file, name, latest)

    def size(self, file: FilePart) -> int | None:
        """Return the size of a file in bytes; None where it does not exist. Raises ``OSError``, ``StoreAwayError``."""
        backend, key = self._place(file.digest, file.path)
        return backend.size(key)

    def erase(self, digest: str, path: str | None) -> bool:
        """Delete a file for good, and tell whether there was one. Raises ``OSError`` and ``StoreAwayError``."""
        backend, key = self._place(digest, path)
        return backend.erase(key)

    def has(self, digest: str, size: int) -> bool:
        """Tell whether the own store has a file with this digest and of ``size`` bytes. Only for imports.

        Raises ``OSError`` and ``StoreAwayError``.
        """
        return self._own.size(key_of(digest)) == size

    @property
    def _own(self) -> Backend:
        if self._own_store is None:
            raise OSError("there is no store of its own: --store has to name it")
        return self._own_store

    def _place(self, digest: str, path: str | None) -> tuple[Backend, str]:
        """Find the store and the key of a file. Raises ``OSError`` where its store is not known."""
        if path is None:
            return self._own, key_of(digest)
        if self._in_place is None:
            raise OSError(f"the file is in place, at {printable(path)}: --in-place has to name the tree")
        return self._in_place, path

    @contextlib.contextmanager
    def incoming(self) -> Iterator["Incoming"]:
        """Create a temporary file, and delete it at the end of the block unless it was kept."""
        with self._own.temporary() as file:
            yield Incoming(self._own, file)


class Incoming:
    """A temporary file that is to be kept in the own store."""

    def __init__(self, backend: Backend, file: BinaryIO) -> None:
        self.file = file
        self._backend = backend

    def keep(self) -> tuple[str, int]:
        """Keep the file under its digest. Returns its digest and its size in bytes.

        The file is on the store's disk when this returns: the row that names it is written afterwards. Raises
        ``OSError`` and ``StoreAwayError``.
        """
        self.file.flush()
        size = self.file.seek(0, os.SEEK_END)
        self.file.seek(0)
        digest = hashlib.file_digest(self.file, "sha256").hexdigest()  # type: ignore[arg-type] # typeshed wants readinto
        self._backend.put(key_of(digest), self.file)
        return digest, size


def open_store(own: Location | None, in_place: Location | None = None) -> Store:
    """Open the own store and the tree in place, without reading from them. Raises ``UnusableStoreError``."""
    return Store(None if own is None else open_backend(own), None if in_place is None else open_backend(in_place))


def key_of(digest: str) -> str:
    """Return the own store's key of a digest. Two levels of directories keep each of them short."""
    return f"{digest[:2]}/{digest[2:4]}/{digest}"
