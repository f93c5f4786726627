"""Checks codes, keys of owners and digests, and suggests a code for a mistyped one."""

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
#: Match the parts of a URL before and after its path.
_BEFORE_PATH = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*:)?//[^/?#]*")
_AFTER_PATH = re.compile(r"[?#].*", re.DOTALL)
#: Matches the path under which an edge serves an image, /images/CODE or /images/CODE/RENDITION.
_SERVED = re.compile(rf"/?images/({CODE})(?:/[a-z0-9_-]{{1,32}})?/?").fullmatch
#: Matches the path of a file with an image's suffix.
_IMAGE_FILE = re.compile(rf"(?:.*/)?({CODE})\.(?:jpe?g|png|gif|webp|avif)", re.IGNORECASE).fullmatch
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}\Z")


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


def code_of_url(text: str) -> str | None:
    """Find the code in the URL or path of an image. None if the text is no image URL, or if the code is ambiguous.

    Behind ``/images/`` a rendition may follow the code. Elsewhere the code is the name of a file with a suffix of
    images: the last part of another path could be anything, such as the number of a page.
    """
    path = _path_of(text)
    found = _SERVED(path) or _IMAGE_FILE(path)
    return found[1] if found else None


def hint_for_code(text: str) -> str:
    """Suggest the likely code in a URL, a path or a file's name: `` (did you mean 'x'?)``; empty if no part can be one.

    For messages only: unlike ``code_of_url`` it guesses.
    """
    parts = [part for part in _path_of(text.strip()).split("/") if part]
    likely = parts[parts.index("images") + 1 :][:1] if "images" in parts else parts[-1:]
    code = _SUFFIX.sub("", likely[0]) if likely else ""
    return f" (did you mean {code!r}?)" if is_key(code) else ""


def _path_of(text: str) -> str:
    return _AFTER_PATH.sub("", _BEFORE_PATH.sub("", text, count=1))
