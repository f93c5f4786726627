"""Copy a database's data directory, as a snapshot does, and put it back or serve it by a second server."""

import shutil
from pathlib import Path

from stack.databases.database import Database
from stack.processes.server import frozen


def take_copy(database: Database, directory: Path) -> Path:
    """Copy the data directory of a running database as it is at one moment. Returns the copy's path."""
    shutil.rmtree(directory, ignore_errors=True)
    with frozen(database):
        shutil.copytree(database._data, directory)
    return directory


def put_back(database: Database, copy: Path) -> None:
    """Replace the data directory of a stopped database by a copy. The copy is moved, not copied again."""
    shutil.rmtree(database._data)
    copy.rename(database._data)


def second_server(database: Database, directory: Path) -> Database:
    """Make a server, not started, on a copy of a running server's data directory, with the same accounts."""
    shutil.rmtree(directory, ignore_errors=True)
    second = Database(directory)
    take_copy(database, second._data)
    second._passwords = database._passwords
    return second
