"""Opens the kind of store that a location names."""

from origin.stores.contract import Backend
from origin.stores.directory import Directory, make_directory
from origin.stores.location import Location


class UnusableStoreError(Exception):
    """A store cannot be used. The message says why and what to do."""


def open_backend(location: Location) -> Backend:
    """Open a store, without reading from it. Raises ``UnusableStoreError``."""
    if location.directory is not None:
        return Directory(location.directory)
    raise UnusableStoreError(f"{location}: object stores are not there yet")


def make_ready(location: Location) -> None:
    """Create the directory of an own store if it is missing. Raises ``OSError``."""
    if location.directory is not None:
        make_directory(location.directory)


def require_directory(location: Location, flag: str) -> None:
    """Raise ``UnusableStoreError`` where a location names a directory that is not there."""
    if location.directory is not None and not location.directory.is_dir():
        raise UnusableStoreError(f"{location} is not a directory: {flag} has to name one")
