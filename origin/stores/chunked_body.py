"""Iterates over a part of a file in chunks. Each kind of store reads them in its own way."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

from origin.model import ByteRange


class ChunkedBody(ABC):
    """A part of a file as a WSGI body.

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
        chunk = self._next or self._read()
        self._next = b""
        if not chunk:
            raise StopIteration
        return chunk

    @abstractmethod
    def close(self) -> None:
        """Release what the body holds."""

    @abstractmethod
    def _read(self) -> bytes:
        """Read the next chunk, and move the offset behind it; empty at the end of the part."""
