"""Reads the files that an import takes: files below a directory, and files of a site's own tree in place.

Other users may write into the directory meanwhile. Each path is opened from the root on, one directory after the other.
"""

import os
import stat
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

from origin.model import ByteRange, FilePart
from origin.stores.contract import PATIENT, Backend, DamagedFileError

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_PARENT = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
#: Without O_NONBLOCK, opening a named pipe would wait for a writer.
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC

_LINK = "a symbolic link: --follow-symlinks imports the file or directory that it leads to"

Refuse = Callable[[Path, str], object]


class RefusedFileError(Exception):
    """A file is not imported. The message says why."""


class Source(Protocol):
    """A place that has files by their paths."""

    #: Whether files stay where they are, so that the rows of renditions get their paths.
    in_place: bool

    def open(self, path: str, max_bytes: int) -> AbstractContextManager[BinaryIO]:
        """Open a file for a block. Raises ``RefusedFileError``, also for one of more than ``max_bytes`` bytes."""

    def size(self, path: str, /) -> int | None:
        """Return the size of a file in bytes; None where there is no such file, or its size is not known."""


class DirectoryTree:
    """The files below ``root``. It refuses symbolic links below it, unless ``follow_symlinks`` is set.

    It opens a path from the root on, one directory after the other, so that none can become a link in between.
    """

    def __init__(self, root: Path, *, follow_symlinks: bool) -> None:
        self.root = root
        self._follow = follow_symlinks
        self._no_follow = 0 if follow_symlinks else os.O_NOFOLLOW

    def files(self, refuse: Refuse) -> list[Path]:
        """List all files except hidden ones, sorted, as paths below the root.

        Calls ``refuse`` with each directory that cannot be read, and each refused link, and the reason.
        """
        files: list[Path] = []
        waiting, seen = [Path()], set[tuple[int, int]]()
        while waiting:
            directory = waiting.pop()
            try:
                with self._opened(directory, _DIRECTORY) as descriptor:
                    status = os.fstat(descriptor)
                    if (status.st_dev, status.st_ino) in seen:
                        refuse(directory, "a directory that was read already, by another path")
                        continue
                    seen.add((status.st_dev, status.st_ino))
                    within, found = self._entries(descriptor, directory, refuse)
            except OSError as error:
                refuse(directory, f"cannot be read: {error.strerror}")
                continue
            files += found
            waiting += reversed(within)
        return files

    def _entries(self, descriptor: int, directory: Path, refuse: Refuse) -> tuple[list[Path], list[Path]]:
        """List the directories and the other files in a directory."""
        directories: list[Path] = []
        files: list[Path] = []
        with os.scandir(descriptor) as entries:
            for entry in sorted(entries, key=lambda entry: entry.name):
                path = directory / entry.name
                if entry.name.startswith("."):
                    continue
                if entry.is_symlink() and not self._follow:
                    refuse(path, _LINK)
                else:
                    (directories if entry.is_dir() else files).append(path)
        return directories, files

    @contextmanager
    def opened(self, path: Path) -> Iterator[int]:
        """Open a file of any type for reading, without waiting. Raises ``OSError``."""
        with self._opened(path, _FILE) as descriptor:
            yield descriptor

    @contextmanager
    def _opened(self, path: Path, flags: int) -> Iterator[int]:
        descriptor = os.open(self.root, _DIRECTORY)
        try:
            for number, name in enumerate(path.parts, start=1):
                kind = flags if number == len(path.parts) else _PARENT
                inner = os.open(name, kind | self._no_follow, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = inner
            yield descriptor
        finally:
            os.close(descriptor)


class TreeSource:
    """The files of a directory, which an import copies. It refuses files that other users may not read."""

    in_place = False

    def __init__(self, tree: DirectoryTree, *, include_private: bool) -> None:
        self._tree = tree
        self._include_private = include_private

    @contextmanager
    def open(self, path: str, max_bytes: int) -> Iterator[BinaryIO]:
        """Open a file for a block. Raises ``RefusedFileError``.

        Checks and reads by one descriptor, so that a file that is swapped in between makes no difference.
        """
        with ExitStack() as block:
            try:
                descriptor = block.enter_context(self._tree.opened(Path(path)))
            except OSError as error:
                raise RefusedFileError(f"cannot be read: {error.strerror}") from None
            self._check(os.fstat(descriptor), max_bytes)
            yield block.enter_context(open(descriptor, "rb", closefd=False))

    def size(self, _path: str, /) -> int | None:
        """Return None: a copy has to be read."""
        return None

    def _check(self, status: os.stat_result, max_bytes: int) -> None:
        """Refuse all but regular files, too large files, and files that other users may not read."""
        if not stat.S_ISREG(status.st_mode):
            raise RefusedFileError("not a regular file")
        _check_size(status.st_size, max_bytes)
        if not status.st_mode & (stat.S_IRGRP | stat.S_IROTH) and not self._include_private:
            mode = f"{stat.S_IMODE(status.st_mode):04o}"
            raise RefusedFileError(f"only its owner may read it (mode {mode}): --include-private publishes it as well")


class InPlaceSource:
    """A site's own tree or bucket, whose files stay where they are. Raises ``StoreAwayError`` from each method."""

    in_place = True

    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    @contextmanager
    def open(self, path: str, max_bytes: int) -> Iterator[BinaryIO]:
        """Read a whole file into memory, for a block. Raises ``RefusedFileError``."""
        size = self.size(path)
        if size is None:
            raise RefusedFileError("there is no such file below the root of --in-place")
        _check_size(size, max_bytes)
        whole = FilePart("", size, ByteRange(0, size))
        with os.fdopen(os.memfd_create("picture"), "w+b") as file:
            try:
                with closing(self._backend.open(path, whole, path, PATIENT)) as body:
                    file.writelines(body)
            except DamagedFileError as error:
                raise RefusedFileError(f"cannot be read: {error}") from None
            file.flush()
            yield file

    def size(self, path: str, /) -> int | None:
        """Return the size of a file in bytes; None where it does not exist."""
        try:
            return self._backend.size(path)
        except OSError as error:
            raise RefusedFileError(f"cannot be read: {error.strerror}") from None


def _check_size(size: int, max_bytes: int) -> None:
    if size > max_bytes:
        raise RefusedFileError(f"{size} bytes, more than {max_bytes}: a larger --max-bytes would take it")
