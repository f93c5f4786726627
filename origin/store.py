"""The files that are served, each kept under the SHA-256 of its bytes: ``<root>/<d[0:2]>/<d[2:4]>/<d>``.

A file is never altered once it has its name, so a replaced image does not change under a response that is being sent.
"""

import contextlib
import hashlib
import os
import stat
import tempfile
from collections.abc import Iterator
from io import BufferedRandom
from pathlib import Path

from origin.byte_ranges import ByteRange
from origin.model import FilePart
from takedown_db.printable import printable

# One read and one send for most images, and no more memory than this for each response of a large one.
CHUNK = 64 * 1024

# A symbolic link is refused at each step below the root: it could lead to any file that the origin may read. Opening a
# named pipe without O_NONBLOCK would hold the thread until somebody writes into it.
_DIRECTORY = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC


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
        """Answer where the file with this digest is kept. Two levels of directories keep each of them short."""
        return f"{self._root}/{digest[:2]}/{digest[2:4]}/{digest}"

    def open(self, file: FilePart, name: str) -> Body:
        """Open a part of a file. Raises ``DamagedFileError``, with ``name`` in its message.

        Only a regular file of the recorded size is served, judged by the descriptor that is open: a path could be
        another file's a moment later.
        """
        name = printable(name)
        try:
            descriptor = self._open(file.digest)
        except OSError as error:
            raise DamagedFileError(f"{name}: {error.strerror}: {self.path(file.digest)}") from error
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise DamagedFileError(f"{name}: {self.path(file.digest)} is not a regular file")
            if status.st_size != file.size:
                raise DamagedFileError(
                    f"{name}: {self.path(file.digest)} has {status.st_size} bytes, the database says {file.size}"
                )
            return Body(descriptor, file.part, name)
        except BaseException:
            os.close(descriptor)
            raise

    def _open(self, digest: str) -> int:
        """Open the file of a digest, one directory after the other: each might be a link. Raises ``OSError``."""
        outer = os.open(f"{self._root}/{digest[:2]}", _DIRECTORY)
        try:
            inner = os.open(digest[2:4], _DIRECTORY, dir_fd=outer)
        finally:
            os.close(outer)
        try:
            return os.open(digest, _FILE, dir_fd=inner)
        finally:
            os.close(inner)

    def has(self, digest: str, size: int) -> bool:
        """Tell whether the file with this digest is there, a regular file of ``size`` bytes as ``open`` demands it.

        For imports: nothing that serves asks.
        """
        try:
            status = os.lstat(self.path(digest))
        except (FileNotFoundError, NotADirectoryError):
            return False
        return stat.S_ISREG(status.st_mode) and status.st_size == size

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
        # For the server, as make_directory has it.
        os.fchmod(self.file.fileno(), 0o644)
        path = Path(self._store.path(digest))
        make_directory(path.parent)
        self._name.replace(path)
        for directory in (path.parent, path.parent.parent, path.parent.parent.parent):
            _sync_directory(directory)
        return digest, size


def make_directory(path: Path) -> None:
    """Make a directory and those above it that are missing, which all may enter, whatever the umask.

    The server may run as another user than the import. Raises ``OSError``.
    """
    if path.is_dir():
        return
    make_directory(path.parent)
    try:
        path.mkdir()
    except FileExistsError:  # another import was faster
        return
    path.chmod(0o755)


def _sync_directory(path: Path) -> None:
    """Bring a directory's entries to the disk: without it a name can be lost that fsync of the file did not cover."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
