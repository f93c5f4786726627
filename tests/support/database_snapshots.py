"""Copies of a database's disk, as a snapshot or a backup has them: put back, or served by a second server."""

import shutil
from pathlib import Path

from stack.database import Database
from stack.server import frozen


def take_copy(database: Database, directory: Path) -> Path:
    """Copy a running database's disk as it is at one moment, and return where the copy lies."""
    shutil.rmtree(directory, ignore_errors=True)
    with frozen(database):
        shutil.copytree(database._data, directory)
    return directory


def put_back(database: Database, copy: Path) -> None:
    """Let a database that is away go on from a copy of its disk, which is used up."""
    shutil.rmtree(database._data)
    copy.rename(database._data)


def second_server(database: Database, directory: Path) -> Database:
    """Make another server on a copy of a running one's disk, with the same accounts. It is not yet started."""
    shutil.rmtree(directory, ignore_errors=True)
    second = Database(directory)
    take_copy(database, second._data)
    second._passwords = database._passwords
    return second
