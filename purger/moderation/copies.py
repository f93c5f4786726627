"""Lists the copies of a content: whom a ban of it hits, for statements of reasons."""

import csv
from collections.abc import Sequence
from typing import NamedTuple, TextIO

from purger.moderation.subjects import Subject
from takedown_base.name_codes import shown_key
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import Connection

#: Copies that the text for people has; JSON and CSV have all.
_WRITTEN = 20


class Copy(NamedTuple):
    """A row of the procedure ``copies_of_content``. The fields are the keys of JSON and the columns of CSV."""

    code: str
    owner: str | None  # None: it is a URL of the site's own server, of an image that was not imported
    url: str | None  # host, path and query; None: an image that was imported or uploaded


def read_copies(connection: Connection, subject: Subject) -> list[Copy] | None:
    """Read the copies of a content, by code; None for another subject. Raises ``DatabaseUnavailableError``."""
    if subject.scope is not Scope.DIGEST:
        return None
    return [Copy(*row) for row in connection.rows("copies_of_content", content=subject.key)]


def write_csv(copies: Sequence[Copy], target: TextIO) -> None:
    """Write the copies as CSV with a head."""
    writer = csv.writer(target)
    writer.writerow(Copy._fields)
    writer.writerows(copies)


def copy_lines(copies: Sequence[Copy]) -> list[str]:
    """Write the first copies for people, a line each."""
    written = []
    for copy in copies[:_WRITTEN]:
        owner = f" of {printable(copy.owner)}" if copy.owner is not None else ""
        url = f" at {printable(copy.url)}" if copy.url is not None else ""
        written.append(f"  {shown_key(Scope.IMAGE, copy.code)}{owner}{url}")
    more = len(copies) - len(written)
    return [*written, f"  and {more:,} more: --csv and --json list all"] if more else written
