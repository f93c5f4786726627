"""Writes the signed log in a thread with a connection of its own: appends leaves, and signs checkpoints.

Each round is one step, which the database takes as a whole or not at all:

1. Read the end of the log, which the log's key must have signed, and the last batch and act of moderation in it.
2. Read what the database has beyond that: batches, acts of moderation, keys, edges, and the entries that wait in
   `log_entries` (receipts and probes, which were written in the transaction that recorded them).
3. Let ``append`` decide the order of the leaves and grow the tree.
4. Sign the new root, and write leaves, nodes, end and signature by one procedure. It does nothing if the log has grown
   meanwhile: another purger was quicker, and the next round begins at the new end.

The log follows the takedowns and never delays them: it waits while a bulk is numbered, and rests ten times as long as
it works while batches wait. Receipts come for as long as edges acknowledge: for these it takes up to half a core.
"""

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Literal

from purger.loop_thread import LoopThread
from purger.problem_log import ProblemLog
from purger.signed_log.append import Appended, EdgeLists, End, append_leaves
from purger.signed_log.checkpoints import StoredNodes
from purger.signed_log.entries import BatchedPurge, BatchRow, EventRow, Leaf, row_hashes, source_of
from purger.signed_log.keys import ForeignKeyError, LogKey, UnsignedEndError, read_notes, signed_state, take_over
from purger.signed_log.waiting import read_waiting
from takedown_db.connection.lasting_connection import Connection
from takedown_log.signed_note import Checkpoint, VerifierKey, all_keys
from takedown_log.tree import GrowingTree, stored_tree

log = logging.getLogger(__name__)

#: Seconds between two searches for new leaves.
_REST = 0.5

#: Seconds of rest for each second of work while batches wait: takedowns are more urgent than their record.
_SHARE = 10.0

#: Rows of batches after which further batches wait for the next round.
_ROWS = 1000

#: Most batches, and most acts of moderation, that are read at once.
_READ = 500

#: More than the id of any row.
_ALL = 2**64

#: Seconds after which a transaction that is still open is no longer waited for: its acts without a purge are then
#: missing in the log.
_SETTLED = 3600

#: Seconds between two reads of the last settled act: each reads all entries of the last hour, and may add a leaf.
_SETTLED_INTERVAL = 600.0


class LogWriter(LoopThread):
    """Appends to the log what it lacks. Two writers do no harm: in each round only one of them appends."""

    def __init__(
        self,
        connection: Connection,
        stop: threading.Event,
        *,
        key: LogKey,
        leads: Callable[[], bool] = lambda: True,
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        """Append until ``stop`` is set, while ``leads`` returns True: of several purgers only one writes.

        Rest while ``busy`` returns True: a bulk is being numbered, which the log would slow down.
        """
        problem = ProblemLog(log, "the signed log", patience=2)
        super().__init__("log writer", stop, problem, bug_effect="takedowns are not in the signed log")
        self._connection = connection
        self._key = key
        self._tree = GrowingTree()  # of the last state that this purger knows to be signed
        self._refusal = ProblemLog(log, "the signed log")
        self._leads = leads
        self._busy = busy
        self._settled_due = 0.0  # by the monotonic clock

    def work(self) -> float:
        """Append what is new; return the seconds to rest."""
        if not self._leads() or self._busy():
            return _REST
        began, spent = time.monotonic(), time.thread_time()
        match self._append_some():
            case "batches":
                return _SHARE * (time.monotonic() - began)
            case "receipts":
                return time.thread_time() - spent
        return _REST

    def finish(self) -> None:
        """Append once more what is new, and close the connection."""
        self.guarded(self._finish)
        self._connection.close()

    def _finish(self) -> float:
        if self._leads():
            self._append_some()
        return 0.0

    def _append_some(self) -> Literal["batches", "receipts", ""]:
        """Append some of the new leaves, with the signature of the new root. Return of what there are more."""
        try:
            end, last = self._signed_end()
        except (ForeignKeyError, UnsignedEndError) as error:
            self._refusal.begin("not written", str(error))
            return ""
        self._refusal.end()
        batches = self._batches(end.batch)
        placed = batches[-1].batch if batches else end.batch
        # Before the acts are read: an act that commits in between is either read or not settled yet.
        settled = self._settled(end.event)
        events, silent = self._events(end, batches)
        enabled = {str(name): bool(on) for name, on in self._connection.rows("log_edges")}
        waiting = read_waiting(self._connection, enabled.keys() | end.lists.names, placed)
        appended = append_leaves(
            end,
            (name for name, on in enabled.items() if on),
            batches,
            self._purges(end.batch, batches),
            events,
            waiting.leaves,
            waiting.edges,
            event=min(settled, silent),
            now=datetime.now(UTC),
        )
        if appended.leaves or waiting.entries:
            self._append(end, appended, waiting.entries)
        if placed < last or silent < _ALL:
            return "batches"
        return "receipts" if waiting.more else ""

    def _signed_end(self) -> tuple[End, int]:
        """Read the end of the log, and the last batch of the database. A log that has not begun begins now.

        Anybody with the purger's account can append leaves, but nobody without the key signs them. Raises
        ``UnsignedEndError`` for an end that was not signed, and ``ForeignKeyError``: the key may not sign this log.
        """
        take_over(self._connection, self._key)
        ((size, batch, event, last, note, edges, named),) = self._connection.rows("log_state")
        keys = all_keys(read_notes(self._connection))
        self._follow(int(size), note, keys)
        lists = EdgeLists(None if edges is None else bytes(edges).decode())
        batch = last if batch is None else batch
        return End(self._tree, int(batch), int(event or 0), lists, tuple(keys[named:])), int(last)

    def _follow(self, size: int, note: bytes | None, keys: Sequence[VerifierKey]) -> None:
        """Make the tree that of the last signed state, of ``size`` leaves. Raises ``UnsignedEndError``."""
        state = signed_state(size, note, keys)
        if (self._tree.size, self._tree.root()) != (state.size, state.root):
            try:
                self._tree = stored_tree(state.size, StoredNodes(self._connection).read)
            except LookupError as error:
                raise UnsignedEndError(f"rows of it are gone: {error}") from None
        if self._tree.root() != state.root:
            raise UnsignedEndError(f"its first {state.size} leaves are not those that were signed")

    def _batches(self, after: int) -> list[BatchRow]:
        """Read the next batches, up to about ``_ROWS`` rows."""
        chosen, rows = list[BatchRow](), 0
        for batch in map(BatchRow._make, self._connection.rows("log_batches", after=after, limit=_READ)):
            if rows >= _ROWS:
                break
            chosen.append(batch)
            rows += batch.size
        return chosen

    def _purges(self, after: int, batches: list[BatchRow]) -> dict[int, str]:
        """Read the rows of the outbox of batches; return the hash of each batch's rows."""
        if not batches:
            return {}
        rows = self._connection.rows("log_purges_of_batches", after=after, last=batches[-1].batch)
        return row_hashes(map(BatchedPurge._make, rows))

    def _events(self, end: End, batches: list[BatchRow]) -> tuple[list[EventRow], int]:
        """Read the acts of the batches, and those without a purge, with the id up to which the latter were read."""
        purging = []
        if batches:
            purging = self._connection.rows("log_events_of_batches", after=end.batch, last=batches[-1].batch)
        silent = self._connection.rows("log_silent_events", after=end.event, limit=_READ)
        reach = int(silent[-1][0]) if len(silent) == _READ else _ALL
        return [EventRow(*row) for row in (*purging, *silent)], reach

    def _settled(self, after: int) -> int:
        """Return the id up to which no transaction can add acts any more; ``after`` if it is not time to read it."""
        if time.monotonic() < self._settled_due:
            return after
        self._settled_due = time.monotonic() + _SETTLED_INTERVAL
        ((settled,),) = self._connection.rows("log_settled_event", after=after, seconds=_SETTLED)
        return max(after, int(settled))

    def _append(self, end: End, appended: Appended, entries: list[int]) -> None:
        """Write leaves with the signed root, unless another purger has appended meanwhile."""
        nodes = [(level, position, node.hex()) for level, position, node in appended.nodes]
        tree, signer = appended.tree, self._key.signer
        self._connection.run(
            "append_leaves",
            size=end.tree.size,
            leaves=json.dumps([_row(leaf) for leaf in appended.leaves]),
            nodes=json.dumps(nodes),
            entries=json.dumps(entries),
            new_size=tree.size,
            begun=end.batch,
            note=signer.sign(Checkpoint(signer.name, tree.size, tree.root()).text()).encode(),
        )


def _row(leaf: Leaf) -> tuple[str, str, int | None, str, str | None, int | None]:
    """Return a leaf as the procedure takes it: bytes in hex, so that no character set changes them."""
    members, openings = leaf.members(), leaf.kept()
    kept = openings.hex() if openings else None
    content = leaf.content.encode().hex()
    return leaf.hash().hex(), members["kind"], source_of(members), content, kept, members.get("batch")
