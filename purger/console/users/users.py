"""Reads the console's users from a file, a line ``NAME:ROLE:HASH`` each, and hashes and compares their passwords.

The file is read again whenever it was replaced. Passwords are hashed with Argon2id, and compared one at a time, since
each takes 19 MB and some 40 ms.
"""

import logging
import os
import re
import threading
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import NamedTuple

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from takedown_base.printable import printable
from takedown_base.reread_file import RereadFile
from takedown_base.secret_files import UnreadableSecretError, exposure, read_secret

log = logging.getLogger(__name__)

#: The cost of Argon2id in KB and in passes: one of the settings that OWASP advises.
_MEMORY, _PASSES = 19_456, 2

#: The form of a hash, whose comparison takes 100 MB at most, whatever its line says.
_HASH_FORM = re.compile(r"\$argon2id\$v=19\$m=[1-9]\d{3,4},t=[1-9]\d?,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}")

#: A hash of no password, which takes as long to compare as a user's.
_NOBODY = f"$argon2id$v=19$m={_MEMORY},t={_PASSES},p=1${'A' * 22}${'A' * 43}"

#: Most bytes of a password.
LONGEST_PASSWORD = 1024

_one_at_a_time = threading.Lock()


def hash_password(password: str, *, memory: int = _MEMORY, passes: int = _PASSES) -> str:
    """Return the salted hash of a password in the form of PHC, at the usual cost or another one (memory in KB)."""
    hasher = Argon2id(salt=os.urandom(16), length=32, iterations=passes, lanes=1, memory_cost=memory)
    return hasher.derive_phc_encoded(password.encode())


def is_hash(text: str) -> bool:
    """Tell whether a text is a hash that can be compared with passwords."""
    return _HASH_FORM.fullmatch(text) is not None


def matches(password: str, hashed: str) -> bool:
    """Tell whether a password has this hash. A text that is no hash matches no password, and takes as long."""
    try:
        with _one_at_a_time:
            Argon2id.verify_phc_encoded(password.encode(), hashed if is_hash(hashed) else _NOBODY)
    except InvalidKey:
        return False
    return True


#: The name of a user: also an address of electronic mail, as proxies send it.
_NAME = re.compile(r"[A-Za-z0-9._@+-]{1,64}")

#: Bytes of the largest file that is read.
_LARGEST_FILE = 1_000_000

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
    """The users of a file; for several threads. While the file cannot be used, there are no users."""

    def __init__(self, source: Path | User) -> None:
        """Take the file, or the only user."""
        if isinstance(source, User):
            self._all: Callable[[], dict[str, User]] = lambda: {source.name: source}
        else:
            self._all = RereadFile(source, partial(_read, source)).content

    def find(self, name: str) -> User | None:
        """Return the user of a name, as the file has it now."""
        return self._all().get(name)

    def check(self) -> bool:
        """Tell whether there is any user. If not, the log says at once why."""
        return bool(self._all())


def _read(path: Path) -> dict[str, User]:
    try:
        users = parse_users(read_secret(path, _LARGEST_FILE))
    except UnreadableSecretError as error:
        log.error("nobody can use the console: %s", error)
    except UnusableUsersError as error:
        log.error("nobody can use the console: %s: %s", printable(path), error)
    else:
        log.info("the console has %d users", len(users))
        if warning := exposure(path):
            log.warning("file of users: %s", warning)
        return users
    return {}
