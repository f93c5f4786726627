"""Writes the signed log in a thread with a connection of its own: appends leaves, and signs checkpoints.

Each round is one step, which the database takes as a whole or not at all:

1. Read the end of the log: its size, its peaks, and the last batch and act of moderation that are in it.
2. Read what the database has beyond that: batches, acts of moderation, and the entries that wait in `log_entries`
   (receipts and probes, which were written in the transaction that recorded them).
3. Let ``append`` decide the order of the leaves and grow the tree.
4. Sign the new root, and write leaves, nodes, end and signature by one procedure. It does nothing if the log has grown
   meanwhile: another purger was quicker, and the next round begins at the new end.

The log follows the takedowns and never delays them: it rests ten times as long as it works, and waits while a bulk is
numbered.
"""

import json
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from purger.loop_thread import LoopThread
from purger.problem_log import ProblemLog
from purger.signed_log.append import Appended, EdgeLists, End, append_leaves
from purger.signed_log.entries import BatchedPurge, BatchRow, EventRow, Leaf, leaf_of_key, row_hashes
from purger.signed_log.keys import ForeignKeyError, LogKey, take_over
from takedown_base.printable import printable
from takedown_db.connection.lasting_connection import Connection
from takedown_log.leaves import parse_canonical
from takedown_log.signed_note import Checkpoint

log = logging.getLogger(__name__)

#: Seconds between two searches for new leaves.
_REST = 0.5

#: Seconds of rest for each second of work while leaves wait: takedowns are more urgent than their record.
_SHARE = 10.0

#: Rows of batches after which further batches wait for the next round.
_ROWS = 1000

#: Most batches, receipts and probes that are read at once.
_READ = 500

#: Most bytes of a malformed entry that are logged.
_SHOWN = 300

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
        key: LogKey | None,
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
        self._introduced = key is None
        self._unsigned = ProblemLog(log, "the signed log")
        self._leads = leads
        self._busy = busy
        self._settled_due = 0.0  # by the monotonic clock

    def work(self) -> float:
        """Append what is new; return the seconds to rest."""
        if not self._leads() or self._busy():
            return _REST
        began = time.monotonic()
        more = self._append_some()
        return _SHARE * (time.monotonic() - began) if more else _REST

    def finish(self) -> None:
        """Append once more what is new, and close the connection."""
        self.guarded(self._finish)
        self._connection.close()

    def _finish(self) -> float:
        if self._leads():
            self._append_some()
        return 0.0

    def _append_some(self) -> bool:
        """Append some of the new leaves and sign the new root. Return True if there are more."""
        first = not self._introduced
        if first:
            self._holds_last_key()
        end, last = self._end()
        batches = self._batches(end.batch)
        # Before the acts are read: an act that commits in between is either read or not settled yet.
        settled = self._settled(end.event)
        events, silent = self._events(end, batches)
        entries, waiting = self._waiting()
        appended = append_leaves(
            end,
            self._lists(end),
            (str(name) for (name,) in self._connection.rows("log_edges")),
            batches,
            self._purges(end.batch, batches),
            events,
            waiting,
            event=min(settled, silent),
            now=datetime.now(UTC),
        )
        note = self._note(appended) if appended.leaves or first else None
        if note or entries or appended.end != end:
            self._append(end, appended, entries, note)
        self._introduced = True
        return len(entries) == _READ or appended.end.batch < last or silent < _ALL

    def _end(self) -> tuple[End, int]:
        """Read the end of the log, and the last batch of the database. A log that has not begun begins now."""
        ((size, peaks, batch, event, edges, last),) = self._connection.rows("log_state")
        return End(size, bytes(peaks), last if batch is None else batch, event, bytes(edges).decode()), last

    def _waiting(self) -> tuple[list[int], list[Leaf]]:
        """Read what waits for its place: the ids of all entries, and the leaves of those that are well-formed.

        A malformed entry is left out, since it would hold up all others for ever.
        """
        entries, leaves = list[int](), list[Leaf]()
        for entry, content, openings in self._connection.rows("log_waiting_entries", limit=_READ):
            entries.append(entry)
            try:
                leaves.append(Leaf.read_checked(content, openings))
            except ValueError as error:
                log.error(
                    "entry %s of log_entries is malformed, and left out of the signed log: %s. "
                    "Find out who wrote it: %s",
                    *(entry, error, printable(content[:_SHOWN].decode(errors="replace"))),
                )
        return entries, leaves

    def _lists(self, end: End) -> EdgeLists:
        rows = self._connection.rows("log_last_edges") if end.edges else []
        names = parse_canonical(bytes(rows[0][0]).decode())["names"] if rows else []
        return EdgeLists(end.edges, names if isinstance(names, list) else [])

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

    def _append(self, end: End, appended: Appended, entries: list[int], note: bytes | None) -> None:
        """Write leaves with the signed root, unless another purger has appended meanwhile."""
        nodes = [(level, position, node.hex()) for level, position, node in appended.nodes]
        self._connection.run(
            "append_leaves",
            size=end.size,
            leaves=json.dumps([_row(leaf) for leaf in appended.leaves]),
            nodes=json.dumps(nodes),
            entries=json.dumps(entries),
            new_size=appended.end.size,
            peaks=appended.end.peaks,
            batch=appended.end.batch,
            event=appended.end.event,
            edges=appended.end.edges,
            note=note,
        )

    def _note(self, appended: Appended) -> bytes | None:
        """Sign the new root. A key that is not the log's own signs nothing.

        The first round signs even without new leaves: perhaps nobody has signed the last ones.
        """
        if self._key is None or not appended.end.size or not self._holds_last_key():
            return None
        signer = self._key.signer
        return signer.sign(Checkpoint(signer.name, appended.end.size, appended.root).text()).encode()

    def _holds_last_key(self) -> bool:
        """Tell whether the key is the log's own. The log begins with it, or goes over to it now, if it may.

        Asked each time, since another purger may have a later key meanwhile.
        """
        if self._key is None:
            return False
        try:
            if take_over(self._connection, self._key):
                entry = leaf_of_key(self._key.signer.verifier(), datetime.now(UTC))
                self._connection.run("record_log_entry", content=entry.content.encode(), openings=None)
                log.info("the log is signed with the key %s from now on", self._key.signer.verifier())
        except ForeignKeyError as error:
            self._unsigned.begin("not signed", str(error))
            return False
        self._unsigned.end()
        return True


def _row(leaf: Leaf) -> tuple[str, str, int | None, str, str | None, int | None]:
    """Return a leaf as the procedure takes it: bytes in hex, so that no character set changes them."""
    kind, source = leaf.index()
    openings = leaf.kept_openings()
    kept = openings.hex() if openings else None
    return leaf.hash().hex(), kind, source, leaf.content.encode().hex(), kept, leaf.batch()
