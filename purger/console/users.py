"""Reads the users of the console from a file, ``NAME:ROLE:HASH`` a line, again whenever the file was replaced."""

import logging
import os
import re
import stat
import threading
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from purger.console.passwords import is_hash
from takedown_base.printable import printable
from takedown_base.secret_files import exposure

log = logging.getLogger(__name__)

#: The name of a user: also an address of electronic mail, as proxies send it.
_NAME = re.compile(r"[A-Za-z0-9._@+-]{1,64}")

#: Bytes of the largest file that is read.
_LARGEST = 1_000_000

#: The hash of a user who has no password, and comes only through a proxy.
NO_PASSWORD = "-"  # noqa: S105


class Role(StrEnum):
    """The rights of a user."""

    LOOK = "look"
    MODERATE = "moderate"


class User(NamedTuple):
    """A line of the file."""

    name: str
    role: Role
    hashed: str


class UnusableUsersError(Exception):
    """The file of users cannot be used. The message names it and the reason, and no hash."""


def is_name(text: str) -> bool:
    """Tell whether a text can be the name of a user."""
    return _NAME.fullmatch(text) is not None


def parse_users(text: str) -> dict[str, User]:
    """Read users by name. Empty lines and those that begin with # are skipped. Raises ``UnusableUsersError``."""
    users: dict[str, User] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, rest = line.strip().partition(":")
        role, _, hashed = rest.partition(":")
        if not is_name(name) or name in users:
            raise UnusableUsersError(f"line {number}: the name is malformed, or there is such a line already")
        if role not in set(Role):
            raise UnusableUsersError(f"line {number}: the role of {name} is not look or moderate")
        if hashed != NO_PASSWORD and not is_hash(hashed):
            raise UnusableUsersError(f"line {number}: {name} has no hash of `purger console-password`")
        users[name] = User(name, Role(role), hashed)
    return users


class Users:
    """The users of a file; for several threads. While the file cannot be used there are none."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._read: tuple[int, ...] | None = None
        self._users: dict[str, User] = {}

    def find(self, name: str) -> User | None:
        """Return the user of a name, as the file has it now."""
        with self._lock:
            self._refresh()
            return self._users.get(name)

    def check(self) -> bool:
        """Tell whether there is any user; the log says at once why there is none."""
        with self._lock:
            self._refresh()
            return bool(self._users)

    def _refresh(self) -> None:
        seen: tuple[int, ...] = ()
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        except (OSError, ValueError):
            pass  # the reason is named below
        if seen == self._read:
            return
        self._read, self._users = seen, {}
        try:
            self._users = parse_users(_text(self._path))
        except UnusableUsersError as error:
            log.error("nobody can use the console: %s: %s", printable(self._path), error)
        else:
            log.info("the console has %d users", len(self._users))
            if warning := exposure(self._path):
                log.warning("file of users: %s", warning)


def _text(path: Path) -> str:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnusableUsersError("it is not a regular file")
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError) as error:
        raise UnusableUsersError(f"it cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > _LARGEST:
        raise UnusableUsersError(f"it is longer than {_LARGEST:,} bytes")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise UnusableUsersError("it is not UTF-8 text") from None
