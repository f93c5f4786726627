"""Defines the contract of a store of bytes. Each kind of store is one class with these methods.

A key is a relative path of segments with ``/`` between them, as ``row_checks.is_stored_path`` accepts it. A store
keeps bytes under a key, and knows nothing of images, digests and the database.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import BinaryIO, Protocol

from origin.model import ByteRange, FilePart

#: Bytes of a read and a send. Most images take one of each; a response of a large one takes no more memory.
CHUNK = 64 * 1024

#: No time limit for an answer (``latest``, in seconds of the monotonic clock): for commands, where no client waits.
PATIENT = float("inf")


class DamagedFileError(Exception):
    """A file differs from the database's record of it, or cannot be read. The message says how."""


class MissingFileError(DamagedFileError):
    """A store has no file with this key."""


class StoreAwayError(Exception):
    """A store does not answer, or refuses its client. Nothing is known about the file. The message says why."""


class StoredBody(ABC):
    """A part of a file as a WSGI body: its bytes in chunks.

    A kind of store reads the first chunk in its constructor, before any header is sent: an error then is an answer of
    its own.
    """

    def __init__(self, part: ByteRange, name: str) -> None:
        self._offset = part.start
        self._end = part.start + part.length
        self._name = name
        self._next = b""

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """Return the next chunk. Raises ``DamagedFileError`` and ``StoreAwayError`` where the part breaks off.

        The error closes the connection to the reader, so that no cache takes the bytes that were sent for the whole.
        """
        chunk = self._next or self._read()
        self._next = b""
        if not chunk:
            raise StopIteration
        return chunk

    @abstractmethod
    def close(self) -> None:
        """Release what the body holds. WSGI servers call it at the end of a response, also of one that was cut off."""

    @abstractmethod
    def _read(self) -> bytes:
        """Read the next chunk, and move the offset behind it; empty at the end of the part."""


class Backend(Protocol):
    """Reads, measures, writes and erases bytes by key. Its methods may be called by any thread."""

    def open(self, key: str, file: FilePart, name: str, latest: float) -> StoredBody:
        """Open a part of a file, and read its first chunk by ``latest`` (of the monotonic clock, in seconds).

        Raises ``MissingFileError``, ``DamagedFileError`` where the file has not the recorded size, and
        ``StoreAwayError``, each with ``name`` in its message.
        """

    def size(self, key: str) -> int | None:
        """Return the size of a file in bytes; None where it does not exist. Raises ``OSError``, ``StoreAwayError``."""

    def temporary(self) -> AbstractContextManager[BinaryIO]:
        """Create a temporary file that ``put`` takes. It is deleted at the end of the block, unless it was put."""

    def put(self, key: str, file: BinaryIO) -> None:
        """Keep a file of ``temporary`` under a key, whole or not at all. Raises ``OSError``, ``StoreAwayError``.

        The file is on the disk of the store when this returns: the row that names it is written afterwards.
        """

    def erase(self, key: str) -> bool:
        """Delete a file for good, and tell whether there was one. Raises ``OSError``, ``StoreAwayError``."""
