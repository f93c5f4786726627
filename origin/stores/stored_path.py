"""Checks paths of files below a store's root, which come from the table `renditions` and from lists of imports."""

#: Characters of the longest path. The column `renditions.path` is wider: a session without strict mode cuts a value at
#: the column's width, and a cut path must not pass for a valid one.
LONGEST = 1000


def is_stored_path(path: str) -> bool:
    """Tell whether a path names a file below a root: relative, in UTF-8, and no segment leads elsewhere.

    Refuses empty segments, ``.`` and ``..``, control characters, lone surrogates, and more than ``LONGEST`` characters.
    """
    return (
        0 < len(path) <= LONGEST
        and not any(segment in ("", ".", "..") for segment in path.split("/"))
        and not any(character < " " or "\x7f" <= character <= "\x9f" for character in path)
        and _is_utf8(path)
    )


def _is_utf8(text: str) -> bool:
    """Tell whether a text has no lone surrogates, as names of files that are not UTF-8 have in Python."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
