"""Gives each name of a file a code, by a rule that never changes and that other programs can repeat."""

import base64
import hashlib

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
