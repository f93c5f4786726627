"""Checks a row of the database before headers and paths are built from it. Imports check paths by the same rule.

The schema refuses malformed values, but a session may have switched its checks off, and a table may be made by hand.
"""

import re
from datetime import datetime

from origin.model import Found, FoundContent
from takedown_base.printable import printable
from takedown_base.subject_keys import is_digest, is_key

#: Bytes of the largest file.
_LARGEST = 1 << 40

#: The largest batch number: an edge takes 15 digits.
_LARGEST_BATCH = 10**15 - 1

#: Characters of the longest path. The column `renditions.path` is wider: a session without strict mode cuts a value at
#: the column's width, and a cut path must not pass for a valid one.
LONGEST_PATH = 1000

#: Characters of a value in a message.
_SHOWN = 80

#: An ETag or Last-Modified of a site's server.
_VALIDATOR = re.compile(r"[ -~]{0,255}").fullmatch

_CONTENT_TYPE = re.compile(r"image/[a-z0-9][a-z0-9.+-]{0,57}").fullmatch


class MalformedRecordError(Exception):
    """A row is malformed, and nothing is served of it. The message names the code, the column and the escaped value."""


def require_well_formed(found: Found | None, code: str) -> Found:
    """Return ``found``. Raises ``MalformedRecordError`` where a column holds a value that the schema refuses.

    None means that the table ``numbering`` has lost its row.
    """
    if found is None:
        raise MalformedRecordError("table numbering has lost its row: run `purger migrate`")
    if found.content_type is not None and not (
        isinstance(found.content_type, str) and _CONTENT_TYPE(found.content_type)
    ):
        raise _malformed(code, "renditions.content_type", found.content_type)
    require_well_formed_rendition(code, found.digest, found.size, found.path)
    if found.original is not None and not (isinstance(found.original, str) and is_digest(found.original)):
        raise _malformed(code, "renditions.content", found.original)
    if found.owner is not None and not (isinstance(found.owner, str) and is_key(found.owner)):
        raise _malformed(code, "images.owner", found.owner)
    if found.stable_until is not None and not isinstance(found.stable_until, datetime):
        raise _malformed(code, "images.stable_until", found.stable_until)
    if not (isinstance(found.seen, int) and 0 <= found.seen <= _LARGEST_BATCH):
        shown = _shown(found.seen)
        raise MalformedRecordError(f"table numbering: last_batch is {shown}, not a number up to {_LARGEST_BATCH}")
    if not (isinstance(found.changed, int) and 0 <= found.changed <= _LARGEST_BATCH):
        raise _malformed(code, "changes.batch", found.changed)
    return found


def require_well_formed_rendition(code: str, digest: object, size: object, path: object) -> None:
    """Raise ``MalformedRecordError`` where the file of a rendition could not be found by these columns; None passes."""
    if size is not None and not (isinstance(size, int) and 0 <= size <= _LARGEST):
        raise _malformed(code, "renditions.size", size)
    if digest is not None and not (isinstance(digest, str) and is_digest(digest)):
        raise _malformed(code, "renditions.digest", digest)
    if path is not None and not (isinstance(path, str) and is_stored_path(path)):
        raise _malformed(code, "renditions.path", path)


def require_well_formed_content(found: FoundContent, code: str) -> FoundContent:
    """Return ``found``. Raises ``MalformedRecordError`` where no answer can be made of it."""
    if found.digest is None:
        return found
    if not (isinstance(found.digest, str) and is_digest(found.digest)):
        raise _malformed(code, "site_urls.digest", found.digest)
    if not (isinstance(found.content, str) and is_digest(found.content)):
        raise _malformed(code, "site_urls.content", found.content)
    if not (isinstance(found.length, int) and 0 <= found.length <= _LARGEST):
        raise _malformed(code, "site_urls.length", found.length)
    for column, value in ("etag", found.etag), ("last_modified", found.last_modified):
        if not (isinstance(value, str) and is_validator(value)):
            raise _malformed(code, f"site_urls.{column}", value)
    return found


def is_validator(value: str) -> bool:
    """Tell whether the table ``site_urls`` takes a value of ETag or Last-Modified, and a header may hold it."""
    return _VALIDATOR(value) is not None


def is_stored_path(path: str) -> bool:
    """Tell whether a path names a file below a root: relative, in UTF-8, and no segment leads elsewhere.

    Refuses empty segments, ``.`` and ``..``, control characters, lone surrogates, and paths that are too long.
    """
    return (
        0 < len(path) <= LONGEST_PATH
        and not any(segment in ("", ".", "..") for segment in path.split("/"))
        and not any(character < " " or "\x7f" <= character <= "\x9f" for character in path)
        and _is_utf8(path)
    )


def _malformed(code: str, column: str, value: object) -> MalformedRecordError:
    return MalformedRecordError(
        f"image {printable(code)}: column {column} holds {_shown(value)}: correct or delete the row"
    )


def _shown(value: object) -> str:
    shown = printable(value)
    return f"'{shown}'" if len(shown) <= _SHOWN else f"'{shown[:_SHOWN]}...'"


def _is_utf8(text: str) -> bool:
    """Tell whether a text has no lone surrogates, as names of files that are not UTF-8 have in Python."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
