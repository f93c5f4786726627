"""Checks codes, keys of owners and digests."""

import re
from collections.abc import Callable

from takedown_base.scope import Scope

#: The pattern of an image's code. Owners' keys have the same alphabet and length.
CODE = "[A-Za-z0-9_-]{1,64}"

#: Describes ``CODE`` in messages.
CODE_ALPHABET = "1 to 64 of A-Z a-z 0-9 _ -"

#: The pattern of a digest: the SHA-256 of a file, in hex digits of lower case.
DIGEST = "[0-9a-f]{64}"

#: Describes ``DIGEST`` in messages.
DIGEST_ALPHABET = "a SHA-256 as 64 hex digits 0-9 a-f"

_FULL_DIGEST = re.compile(DIGEST).fullmatch
_FULL_CODE = re.compile(CODE).fullmatch
_FULL_SUBJECT: dict[str, Callable[[str], object]] = {
    Scope.IMAGE: _FULL_CODE,
    Scope.OWNER: _FULL_CODE,
    Scope.DIGEST: _FULL_DIGEST,
}


def is_key(text: str) -> bool:
    """Tell whether ``text`` can be a code or an owner's key: 1 to 64 of ``A-Z a-z 0-9 _ -``."""
    return _FULL_CODE(text) is not None


def is_digest(text: str) -> bool:
    """Tell whether ``text`` is a SHA-256 as 64 hex digits, ``0-9 a-f``."""
    return _FULL_DIGEST(text) is not None


def is_subject(scope: str, text: str) -> bool:
    """Tell whether there is such a scope, and ``text`` can be the subject of a ban or a purge with it."""
    full = _FULL_SUBJECT.get(scope)
    return full is not None and full(text) is not None
