"""Finds and opens the files below a directory, safely while other users write into it."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_PARENT = os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC
#: Without O_NONBLOCK, opening a named pipe would wait for a writer.
_FILE = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC

_LINK = "a symbolic link: --follow-symlinks imports the file or directory that it leads to"

Refuse = Callable[[Path, str], object]


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
