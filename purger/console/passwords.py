"""Hashes passwords with scrypt, and compares them. One at a time, since each takes 16 MB and a tenth of a second."""

import hashlib
import hmac
import os
import re
import threading
from base64 import b64decode, b64encode

#: The cost of scrypt: 2**14 blocks of 1 KB (r = 8), five times over: one of the settings that OWASP advises.
_LOG_N, _R, _P = 14, 8, 5

#: Bytes of a salt and of a hash.
_SALT = 16
_HASH = 32

_FORM = re.compile(r"scrypt\$(\d{1,2})\$(\d{1,2})\$(\d{1,2})\$([A-Za-z0-9+/]+=*)\$([A-Za-z0-9+/]+=*)")

#: Most bytes that one hash may take, whatever its line says.
_MOST_MEMORY = 64 * 2**20

#: Most bytes of a password.
LONGEST = 1024

_one_at_a_time = threading.Lock()


def hash_password(password: str, *, log_n: int = _LOG_N, p: int = _P) -> str:
    """Return the salted hash of a password as ``scrypt$14$8$5$SALT$HASH``, at the usual cost or another one."""
    salt = os.urandom(_SALT)
    digest = _scrypt(password, salt, log_n, _R, p)
    return f"scrypt${log_n}${_R}${p}${b64encode(salt).decode()}${b64encode(digest).decode()}"


def is_hash(text: str) -> bool:
    """Tell whether a text is a hash that can be compared with passwords."""
    found = _FORM.fullmatch(text)
    if found is None:
        return False
    log_n, r, p = map(int, found.groups()[:3])
    return 10 <= log_n <= 20 and r >= 1 and 1 <= p <= 16 and 128 * r * 2**log_n <= _MOST_MEMORY // 2


def matches(password: str, hashed: str) -> bool:
    """Tell whether a password has this hash. A text that is no hash matches none, in the time of one that does."""
    found = _FORM.fullmatch(hashed if is_hash(hashed) else _nobody())
    assert found is not None  # noqa: S101 (is_hash has matched it)
    log_n, r, p = map(int, found.groups()[:3])
    digest = _scrypt(password, b64decode(found[4]), log_n, r, p)
    return hmac.compare_digest(digest, b64decode(found[5])) and is_hash(hashed)


def _scrypt(password: str, salt: bytes, log_n: int, r: int, p: int) -> bytes:
    with _one_at_a_time:
        return hashlib.scrypt(password.encode(), salt=salt, n=2**log_n, r=r, p=p, maxmem=_MOST_MEMORY, dklen=_HASH)


def _nobody() -> str:
    """Return a hash of no password, which takes as long to compare as a user's."""
    return f"scrypt${_LOG_N}${_R}${_P}${b64encode(bytes(_SALT)).decode()}${b64encode(bytes(_HASH)).decode()}"
