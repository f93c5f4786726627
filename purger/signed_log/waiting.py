"""Chooses the entries of `log_entries` that get their place in the log: what purgers have seen of edges.

Anybody with the purger's account can write such an entry. So it is no leaf before it fits what others have written: it
acknowledges or probes, of an edge that exists or once did, what has a batch. One that does not fit is left out and
logged, since it would hold up all others for ever. One whose batch is not in the log yet waits, with all that follow
it: nobody acknowledges what does not exist, so a verifier refuses an acknowledgement that comes before its batch.
"""

import json
import logging
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from purger.signed_log.entries import Leaf
from takedown_base.printable import printable
from takedown_db.connection.lasting_connection import Connection
from takedown_log.leaves import parse_canonical

log = logging.getLogger(__name__)

#: Most entries that are read at once, and receipts after which the others wait for the next round.
_ENTRIES, _RECEIPTS = 500, 2000

#: Most bytes of a leaf; of an entry that is left out those which are logged.
_LARGEST, _SHOWN = 32_000, 300


class _Entry(NamedTuple):
    """A row of `log_entries`, with the last batch of the database when it was read."""

    id: int
    content: bytes
    openings: bytes | None
    last: int


@dataclass(slots=True)
class Waiting:
    """The entries to remove from the table, and the leaves of those that fit."""

    entries: list[int] = field(default_factory=list)
    leaves: list[Leaf] = field(default_factory=list)
    edges: set[str] = field(default_factory=set)  # whose receipts they are
    more: bool = False  # entries may follow these


def read_waiting(connection: Connection, edges: Collection[str], placed: int) -> Waiting:
    """Read the oldest entries. ``edges`` exist or are in force; ``placed`` is the last batch of the log afterwards."""
    rows = [_Entry(*row) for row in connection.rows("log_waiting_entries", limit=_ENTRIES)]
    purges = sorted({row for each in rows if isinstance(row := _members(each.content).get("row"), int) and row > 0})
    batches = dict(connection.rows("log_batches_of_rows", ids=json.dumps(purges))) if purges else {}
    waiting, known, receipts = Waiting(more=len(rows) == _ENTRIES), set(edges), 0
    for row in rows:
        if receipts >= _RECEIPTS:
            waiting.more = True
            break
        try:
            if len(row.content) > _LARGEST:
                raise ValueError(f"it has more than {_LARGEST} bytes")
            leaf, members, told = Leaf.read(row.content, row.openings)
            named = {each["edge"] for each in told}
            if not named <= known:
                known |= _former_edges(connection)
            if strange := named - known:
                raise ValueError(f"there is no edge {min(strange)}")
            batch = _batch(members, told, batches, row.last)
        except ValueError as error:
            log.error(
                "entry %s of log_entries is left out of the signed log: %s. Find out who wrote it: %s",
                *(row.id, error, printable(row.content[:_SHOWN].decode(errors="replace"))),
            )
        else:
            if batch is None or batch > placed:
                waiting.more = False
                break
            waiting.leaves.append(leaf)
            waiting.edges |= named
            receipts += len(told)
        waiting.entries.append(row.id)
    return waiting


def _batch(
    members: Mapping[str, Any], told: Collection[Mapping[str, Any]], batches: Mapping[int, int | None], last: int
) -> int | None:
    """Return the last batch that a leaf is about; None: it has no number yet. Raises ``ValueError``: what is wrong."""
    kind = members["kind"]
    if kind == "acknowledged":
        for first in {each["first"] for each in told}:
            if not 0 <= first <= members["last"] <= last:
                raise ValueError(f"it acknowledges batches {first} to {members['last']} of {last}")
        return int(members["last"])
    if kind == "seen":
        if members["row"] not in batches:
            raise ValueError(f"the outbox has no row {members['row']}")
        return batches[members["row"]]
    if kind in ("erased", "pruned"):
        return 0
    raise ValueError(f"a leaf of kind {kind} is made from its row")


def _members(content: bytes) -> dict[str, Any]:
    try:
        return dict(parse_canonical(content.decode()))
    except ValueError:
        return {}


def _former_edges(connection: Connection) -> set[str]:
    """Read the names of all edges that the log has ever named: one that was removed may have acknowledged before."""
    return set().union(*(_members(bytes(row[0])).get("names", ()) for row in connection.rows("log_former_edges")))
