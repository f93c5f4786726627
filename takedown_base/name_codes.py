"""Gives each name of a file a code, by a rule that never changes and that other programs can repeat; and back."""

import base64
import hashlib

from takedown_base.content_names import shown_name
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_base.subject_keys import is_key

#: Characters of the longest code.
_LONGEST_CODE = 64


def code_of_name(name: str) -> str:
    """Return the code of a name: the name itself where it is a code, such as ``Abc-1``.

    For other names it is the base64url of the name's UTF-8 without padding (RFC 4648, section 5), which has at most 64
    characters for names up to 48 bytes; for longer ones the SHA-256 of the name in small hex. Raises
    ``UnicodeEncodeError`` for a name with lone surrogates.
    """
    if is_key(name):
        return name
    data = name.encode()
    code = base64.urlsafe_b64encode(data).rstrip(b"=").decode()
    return code if 0 < len(code) <= _LONGEST_CODE else hashlib.sha256(data).hexdigest()


def name_of_code(code: str) -> str | None:
    """Return the name that a code in base64url was computed from, for people to read; None for any other code.

    Codes of long names hold no name. A short code may be the base64url of something by accident, so a name counts only
    if it is printable and has a suffix or a directory.
    """
    try:
        name = base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)).decode()
    except ValueError:
        return None
    return name if name.isprintable() and ("." in name or "/" in name) and code_of_name(name) == code else None


def shown_key(scope: str, key: str) -> str:
    """Write a subject's key for people: a code that was computed from a name with that name, ``YS5wbmc ('a.png')``.

    A content that only a ban named has the length of that name.
    """
    if scope == Scope.DIGEST:
        return printable(shown_name(key))
    name = name_of_code(key) if scope == Scope.IMAGE else None
    return printable(key) if name is None else f"{key} ('{name}')"
