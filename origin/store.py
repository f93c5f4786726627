"""The files that are served, each kept under the SHA-256 of its bytes: ``<root>/<d[0:2]>/<d[2:4]>/<d>``.

A file is never altered once it has its name, so a replaced image does not change under a response that is being sent.
"""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from io import BufferedRandom
from pathlib import Path

from origin.answers import FilePart
from origin.ranges import ByteRange

# One read and one send for most images, and no more memory than this for each response of a large one.
CHUNK = 64 * 1024


class DamagedFileError(Exception):
    """A file that is not what the database says of it. The message says in what way."""


class Body:
    """A part of a file as a WSGI body: an iterator over its bytes in chunks, which owns the file's descriptor."""

    def __init__(self, descriptor: int, part: ByteRange, name: str):
        self._descriptor = descriptor
        self._position = part.start
        self._end = part.start + part.length
        self._name = name
        # The first chunk is read here, before any header is sent: an unreadable file can still be answered 500.
        self._next = self._read()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = self._next or self._read()
        self._next = b""
        if not chunk:
            raise StopIteration
        return chunk

    def close(self) -> None:
        """Give the descriptor back. WSGI servers call it when the response is over, also when it broke off."""
        os.close(self._descriptor)

    def _read(self) -> bytes:
        """Read the next chunk; empty at the end of the part. Raises ``DamagedFileError``."""
        if self._position == self._end:
            return b""
        try:
            chunk = os.pread(self._descriptor, min(CHUNK, self._end - self._position), self._position)
        except OSError as error:
            raise DamagedFileError(f"{self._name}: {error.strerror} at byte {self._position}") from error
        if not chunk:
            # Raising breaks the connection, so that no cache takes what was sent for the whole.
            raise DamagedFileError(f"{self._name}: the file ends at byte {self._position}, before {self._end}")
        self._position += len(chunk)
        return chunk


class Store:
    """The directory that holds the files."""

    def __init__(self, root: Path):
        self._root = root

    def path(self, digest: str) -> str:
        """Where the file with this digest is kept. Two levels of directories keep each of them short."""
        return f"{self._root}/{digest[:2]}/{digest[2:4]}/{digest}"

    def open(self, file: FilePart, name: str) -> Body:
        """Open a part of a file. Raises ``DamagedFileError``, with ``name`` in its message.

        The size is taken by seeking to the end: no stat is made, here or by the kernel on our behalf.
        """
        path = self.path(file.digest)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise DamagedFileError(f"{name}: {error.strerror}: {path}") from error
        try:
            actual = os.lseek(descriptor, 0, os.SEEK_END)
            if actual != file.size:
                raise DamagedFileError(f"{name}: {path} has {actual} bytes, the database says {file.size}")
            return Body(descriptor, file.part, name)
        except BaseException:
            os.close(descriptor)
            raise

    def has(self, digest: str) -> bool:
        """Tell whether a file with this digest is there. For imports: nothing that serves asks."""
        return Path(self.path(digest)).is_file()

    @contextlib.contextmanager
    def incoming(self) -> Iterator["Incoming"]:
        """A file on its way into the store; it disappears at the end of the block unless it was kept."""
        descriptor, name = tempfile.mkstemp(prefix=".incoming-", dir=self._root)
        with os.fdopen(descriptor, "w+b") as file:
            try:
                yield Incoming(self, file, Path(name))
            finally:
                Path(name).unlink(missing_ok=True)


class Incoming:
    """A temporary file in the store's directory, and so on its file system."""

    def __init__(self, store: Store, file: BufferedRandom, name: Path):
        self.file = file
        self._store = store
        self._name = name

    def keep(self) -> tuple[str, int]:
        """Give the file its lasting name. Answers its digest and its size in bytes.

        It is on the disk for certain before this returns: the row that names it is written after.
        """
        self.file.flush()
        size = self.file.seek(0, os.SEEK_END)
        self.file.seek(0)
        digest = hashlib.file_digest(self.file, "sha256").hexdigest()
        os.fsync(self.file.fileno())
        # The server may run as another user than the import.
        os.fchmod(self.file.fileno(), 0o644)
        path = Path(self._store.path(digest))
        path.parent.mkdir(parents=True, exist_ok=True)
        self._name.replace(path)
        for directory in (path.parent, path.parent.parent, path.parent.parent.parent):
            _sync_directory(directory)
        return digest, size


def _sync_directory(path: Path) -> None:
    """Bring a directory's entries to the disk: without it a name can be lost that fsync of the file did not cover."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
