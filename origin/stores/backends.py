"""Opens the kind of store that a location names."""

from importlib.util import find_spec

from origin.stores.contract import Backend
from origin.stores.directory import Directory, make_directory
from origin.stores.location import Location
from origin.stores.store_settings import read_settings


class UnusableStoreError(Exception):
    """A store cannot be used. The message says why and what to do."""


def open_backend(location: Location) -> Backend:
    """Open a store, without reading from it. Raises ``UnusableStoreError``.

    Processes that will answer open it after they were forked: the library of object stores has threads.
    """
    if location.directory is not None:
        return Directory(location.directory)
    _require_library(location)
    from obstore.exceptions import BaseError

    from origin.stores.object_store import ObjectStore, explain

    try:
        return ObjectStore(location.url, _settings(location))
    except (BaseError, ValueError) as error:
        raise UnusableStoreError(f"{location}: {explain(error)}") from None


def make_ready(location: Location) -> None:
    """Create the directory of an own store if it is missing, and remove what killed imports left in it.

    Raises ``OSError``.
    """
    if location.directory is not None:
        make_directory(location.directory)
        Directory(location.directory).remove_leftovers()


def require_usable(own: Location | None, in_place: Location | None) -> None:
    """Raise ``UnusableStoreError`` for a directory that is not there, a missing library or unreadable settings.

    Asks no store, since one that is away may come back.
    """
    for flag, location in (("--store", own), ("--in-place", in_place)):
        if location is None:
            continue
        if location.directory is None:
            _require_library(location)
            _settings(location)
        elif not location.directory.is_dir():
            raise UnusableStoreError(f"{location} is not a directory: {flag} has to name one")


def _require_library(location: Location) -> None:
    if find_spec("obstore") is None:
        raise UnusableStoreError(f"{location} needs the library obstore, which ./dev install brings")


def _settings(location: Location) -> dict[str, str]:
    """Read the file of settings, if there is one. Raises ``UnusableStoreError``."""
    try:
        return {} if location.settings is None else read_settings(location.settings)
    except ValueError as error:
        raise UnusableStoreError(str(error)) from None
