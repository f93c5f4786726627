"""Reads and writes the tables of lists through moderation's account.

Every function raises ``DatabaseUnavailableError``.
"""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from purger.hash_lists.entries import KINDS, Entry, MalformedListError, read_entries
from purger.hash_lists.source import SourceError, opened
from takedown_db.connection.lasting_connection import Connection, fetch
from takedown_db.statements import statement

#: Entries that one statement writes or deletes: short transactions, of which no cluster refuses any.
_CHUNK = 20_000

_KINDS = list(KINDS)


class FetchError(Exception):
    """A list could not be fetched, and is what it was. The message says why."""


class HashList(NamedTuple):
    """A row of ``lists``, with what became of it. Times are UTC."""

    id: int
    name: str
    source: str
    policy: str
    added_at: datetime
    fetched_at: datetime | None  # None: never
    entries: int
    problem: str | None  # why the last fetch changed nothing
    bans: int  # number of its open bans
    suggestions: int  # number of its open suggestions


class Fetched(NamedTuple):
    """The result of a fetch."""

    entries: int
    matches: int  # number of new bans and suggestions
    lifted: int  # number of bans of entries that were withdrawn
    dropped: int  # number of suggestions of such entries


def read_lists(connection: Connection) -> list[HashList]:
    """Read all lists by name."""
    return [HashList(*row) for row in connection.rows("lists")]


def fetch_list(connection: Connection, listed: HashList) -> Fetched:
    """Replace a list by what its source has now, in one step, and carry it out. Raises ``FetchError``.

    A list without an entry is refused: a source that is empty by a mistake would lift all its bans.
    """
    try:
        with opened(listed.source) as file:
            entries = sorted(packed(each) for each in read_entries(file))
        if not entries:
            raise MalformedListError("it has no entry")
    except (MalformedListError, SourceError) as error:
        connection.run("list_failed", list=listed.id, problem=str(error)[:255])
        raise FetchError(str(error)) from None
    fingerprint = hashlib.sha256(b"".join(entries)).hexdigest()
    if not connection.run("list_unchanged", list=listed.id, fingerprint=fingerprint):
        edition = _write_edition(connection, listed.id, entries)
        ((number,),) = connection.rows("list_count_entries", list=listed.id, edition=edition)
        connection.run("list_replace", list=listed.id, edition=edition, entries=number, fingerprint=fingerprint)
    done = _match(connection, listed.id)
    while connection.run("list_prune_entries", list=listed.id, limit=_CHUNK):
        pass
    return done


def _match(connection: Connection, list_id: int) -> Fetched:
    """Ban or suggest what a list names, and lift what it has withdrawn."""
    ((entries, matches, lifted, dropped),) = connection.rows("list_match", list=list_id)
    return Fetched(int(entries), int(matches), int(lifted), int(dropped))


def remove_list(connection: Connection, listed: HashList) -> None:
    """Remove a list, its entries and its open suggestions. Its bans stay."""
    connection.run("list_remove", list=listed.id)
    for name in ("list_remove_suggestions", "list_remove_bans"):
        connection.run(name, list=listed.id)
    while connection.run("list_remove_entries", list=listed.id, limit=_CHUNK):
        pass


def packed(entry: Entry) -> bytes:
    """Write an entry in 33 bytes, since a list may have millions."""
    return bytes([_KINDS.index(entry.kind)]) + bytes.fromhex(entry.name)


def _write_edition(connection: Connection, list_id: int, entries: Sequence[bytes]) -> int:
    """Write entries beside those that count. Returns their edition, which no other fetch has.

    They are sorted: in another order each would change another page of the index, which takes twice the time.
    """
    with connection.transaction() as cursor:
        cursor.execute(statement("list_take_edition"), {"list": list_id})
        ((edition,),) = fetch(cursor, "list_edition", list=list_id)
    for start in range(0, len(entries), _CHUNK):
        chunk = [(_KINDS[each[0]], each[1:].hex()) for each in entries[start : start + _CHUNK]]
        connection.run("list_insert", list=list_id, edition=edition, entries=json.dumps(chunk))
    return int(edition)
