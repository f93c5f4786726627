"""Checks codes of images and keys of owners, and suggests a code for a mistyped one."""

import re

_CODE = re.compile(r"[A-Za-z0-9_-]{1,64}").fullmatch
_HOST = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]*")
_AFTER_PATH = re.compile(r"[?#].*", re.DOTALL)
_SUFFIX = re.compile(r"\.[A-Za-z0-9]{1,5}\Z")


def is_key(text: str) -> bool:
    """Tell whether a text can be a code or an owner's key: 1 to 64 of ``A-Z a-z 0-9 _ -``."""
    return _CODE(text) is not None


def hint_for_code(text: str) -> str:
    """Suggest the code in a URL, a path or a file's name: `` (did you mean 'x'?)``; empty where there is none."""
    path = _AFTER_PATH.sub("", _HOST.sub("", text.strip(), count=1))
    parts = [part for part in path.split("/") if part]
    if not parts:
        return ""
    # Behind images/ a rendition may follow the code.
    likely = parts[parts.index("images") + 1 :][:1] if "images" in parts else parts[-1:]
    code = _SUFFIX.sub("", likely[0]) if likely else ""
    return f" (did you mean {code!r}?)" if _CODE(code) else ""
