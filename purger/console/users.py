"""Reads the console's users from a file, a line ``NAME:ROLE:HASH`` each, and hashes and compares their passwords.

The file is read again whenever it was replaced. Passwords are hashed with scrypt, one at a time, since each takes 16 MB
and a tenth of a second.
"""

import hashlib
import hmac
import logging
import os
import re
import threading
from base64 import b64decode, b64encode
from collections.abc import Callable
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import NamedTuple

from takedown_base.printable import printable
from takedown_base.reread_file import RereadFile
from takedown_base.secret_files import UnreadableSecretError, exposure, read_secret

log = logging.getLogger(__name__)

#: The cost of scrypt: 2**14 blocks of 1 KB (r = 8), five times over: one of the settings that OWASP advises.
_LOG_N, _R, _P = 14, 8, 5

#: Bytes of a salt and of a hash.
_SALT_BYTES = 16
_HASH_BYTES = 32

_HASH_FORM = re.compile(r"scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9+/]+=*)\$([A-Za-z0-9+/]+=*)")

#: Most bytes that one hash may take, whatever its line says.
_MOST_MEMORY = 64 * 2**20

#: Most bytes of a password.
LONGEST_PASSWORD = 1024

_one_at_a_time = threading.Lock()


def hash_password(password: str, *, log_n: int = _LOG_N, p: int = _P) -> str:
    """Return the salted hash of a password as ``scrypt$14$8$5$SALT$HASH``, at the usual cost or another one."""
    salt = os.urandom(_SALT_BYTES)
    digest = _scrypt(password, salt, log_n, _R, p)
    return f"scrypt${log_n}${_R}${p}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def is_hash(text: str) -> bool:
    """Tell whether a text is a hash that can be compared with passwords."""
    found = _HASH_FORM.fullmatch(text)
    if found is None:
        return False
    log_n, r, p = map(int, found.groups()[:3])
    return 10 <= log_n <= 20 and r >= 1 and 1 <= p <= 16 and 128 * r * 2**log_n <= _MOST_MEMORY // 2


def matches(password: str, hashed: str) -> bool:
    """Tell whether a password has this hash. A text that is no hash matches no password, and takes as long."""
    found = _HASH_FORM.fullmatch(hashed if is_hash(hashed) else _nobody())
    assert found is not None  # noqa: S101 (is_hash has matched it)
    log_n, r, p = map(int, found.groups()[:3])
    digest = _scrypt(password, b64decode(found[4]), log_n, r, p)
    return hmac.compare_digest(digest, b64decode(found[5])) and is_hash(hashed)


def _scrypt(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    with _one_at_a_time:
        return hashlib.scrypt(
            password.encode(), salt=salt, n=2**log_n, r=r, p=p, maxmem=_MOST_MEMORY, dklen=_HASH_BYTES
        )


def _nobody() -> str:
    """Return a hash of no password, which takes as long to compare as a user's."""
    return (
        f"scrypt${_LOG_N}${_R}${_P}${b64encode(bytes(_SALT_BYTES)).decode()}${b64encode(bytes(_HASH_BYTES)).decode()}"
    )


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
