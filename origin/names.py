"""The alphabets of names in URLs and in the database."""

import re

CODE = "[A-Za-z0-9_-]{1,64}"
RENDITION = "[a-z0-9_-]{1,32}"
ORIGINAL = "original"
THUMB = "thumb"

CODE_ALPHABET = "1 to 64 of A-Z a-z 0-9 _ -"
_FULL_CODE = re.compile(CODE).fullmatch


def is_code(text: str) -> bool:
    """Tell whether ``text`` can be an image's code; owners' keys have the same alphabet."""
    return _FULL_CODE(text) is not None
