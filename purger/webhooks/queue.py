"""Makes the events of webhooks from the outbox, and keeps them in the database until receivers took them.

The numbers of batches follow the commits, so a place in the outbox (batch and row) says what is collected: nothing
that is committed later comes before it. Place, watches and events move in one transaction, under the lock of one row. A
purger that dies leaves all of it done or nothing, and two of them never make an event twice.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import starmap
from typing import Any, NamedTuple

from mysql.connector.abstracts import MySQLCursorAbstract

from purger.backoff import wait_after
from purger.fleet.edges import list_edges
from purger.model import WebhookState
from purger.webhooks import events
from purger.webhooks.events import Change, Receiver
from takedown_db.connection.lasting_connection import Connection, fetch
from takedown_db.statements import statement

#: Most rows in one transaction.
_ROWS = 500

#: Most batches in one read: one of an import holds no ban, and each of its rows is looked at.
_BATCHES = 500

#: Most events that a receiver is sent before the results are written.
_AT_ONCE = 50

#: First and longest wait in seconds before a receiver that fails is tried again.
_RECEIVER_REST = (1.0, 300.0)

#: First and longest wait in seconds before the same event is tried again.
_EVENT_REST = (1.0, 6 * 3600.0)

#: Tries after which an event is given up: by then it has waited for about three days.
_TRIES = 27

#: Days for which an event is kept after its receiver took it.
_KEPT = 30

#: Longest text in characters that the column ``problem`` holds.
_LONGEST = 255

_Row = tuple[str, str, int, str]


class DueReceiver(NamedTuple):
    """A receiver to which something may be sent; the columns of the statement ``webhook_due_receivers``."""

    name: str
    url: str
    secret_file: str
    ca_file: str | None
    failures: int


class DueEvent(NamedTuple):
    """An event to send; the columns of the statement ``webhook_due_events``."""

    id: int
    message: str
    payload: str
    attempts: int


class Failure(NamedTuple):
    """An event that a receiver did not take."""

    event: DueEvent
    problem: str
    lives: bool  # the receiver answers, and refuses this event


class WebhookQueue:
    """The events of all receivers, in the database; for one thread.

    Every method raises ``DatabaseUnavailableError``.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def states(self) -> tuple[WebhookState, ...]:
        """Read all receivers, with what waits for each."""
        return tuple(starmap(WebhookState, self._connection.rows("webhooks")))

    def receivers(self) -> list[Receiver]:
        """Read the receivers for which events are made."""
        return list(starmap(Receiver, self._connection.rows("webhook_receivers")))

    def collect(self, receivers: Sequence[Receiver]) -> bool:
        """Take the next bans and lifts from the outbox. Return whether more may follow."""
        begun = min(each.after_batch for each in receivers)
        with self._connection.transaction() as cursor:
            ((batch, row),) = fetch(cursor, "webhook_lock")
            # No event is made of a batch from before the first receiver was added.
            batch, row = max((int(batch), int(row)), (begun + 1, 0))
            ((_, head),) = fetch(cursor, "webhook_clock")
            last = min(int(head), batch + _BATCHES)
            if batch > last:
                return False
            rows = fetch(cursor, "webhook_changes", batch=batch, invalidation=row, last=last, limit=_ROWS)
            changes = list(starmap(Change, rows))
            full = len(changes) == _ROWS
            self._take(cursor, receivers, changes)
            place = (changes[-1].batch, changes[-1].invalidation) if full else (last + 1, 0)
            _run(cursor, "webhook_collected", batch=place[0], invalidation=place[1])
            return full or last < head

    def _take(self, cursor: MySQLCursorAbstract, receivers: Sequence[Receiver], changes: Iterable[Change]) -> None:
        """Watch each ban until it is gone, stop watching lifted bans, and make the events of lifts."""
        watched: dict[int, Change] = {}
        ended: list[int] = []
        told: list[_Row] = []
        for change in changes:
            if change.cause == "ban":
                watched[change.ban_id] = change
                continue
            watched.pop(change.ban_id, None)
            ended.append(change.ban_id)
            told += _rows(receivers, [change], "lifted", events.lifted)
        if ended:
            _run(cursor, "webhook_unwatch", bans=json.dumps(ended))
        if watched:
            _run(cursor, "webhook_watch", rows=json.dumps([_watch(change) for change in watched.values()]))
        _tell(cursor, told)

    def judge(self, receivers: Sequence[Receiver]) -> bool:
        """Make the events of each ban that is gone from every edge by now, or late. Return whether more may follow."""
        batches = self._connection.rows("webhook_watched_batches")
        if not batches:
            return False
        edges = list_edges(self._connection)
        enabled = sum(edge.enabled for edge in edges)
        more = False
        for batch, numbered_at, unsaid in batches:
            ((now, _),) = self._connection.rows("webhook_clock")
            missing = events.missing_edges(edges, batch, now)
            if not missing and enabled:
                ((at,),) = self._connection.rows("webhook_gone_at", batch=batch)
                more |= self._say(receivers, batch, "gone", partial(events.gone, at=at or now, edges=enabled))
            elif unsaid and numbered_at is not None and (now - numbered_at).total_seconds() > events.LATE:
                more |= self._say(receivers, batch, "late", partial(events.late, now=now, missing=missing))
        return more

    def _say(
        self, receivers: Sequence[Receiver], batch: int, kind: str, write: Callable[[Receiver, Change], str]
    ) -> bool:
        """Make the events of the next watched bans of a batch. Return whether it has more of them."""
        with self._connection.transaction() as cursor:
            fetch(cursor, "webhook_lock")
            rows = fetch(cursor, "webhook_watched_bans", batch=batch, unsaid=kind == "late", limit=_ROWS)
            changes = [
                Change(invalidation, in_batch, ban, "ban", scope, subject, written_at)
                for ban, invalidation, in_batch, scope, subject, written_at in rows
            ]
            if changes:
                _tell(cursor, _rows(receivers, changes, kind, write))
                done = "webhook_note_late" if kind == "late" else "webhook_unwatch"
                _run(cursor, done, bans=json.dumps([change.ban_id for change in changes]))
        return len(changes) == _ROWS

    def due_receivers(self) -> list[DueReceiver]:
        """Read the receivers to which something may be sent now."""
        return list(starmap(DueReceiver, self._connection.rows("webhook_due_receivers")))

    def due_events(self, receiver: str) -> list[DueEvent]:
        """Read the next events of a receiver."""
        return list(starmap(DueEvent, self._connection.rows("webhook_due_events", webhook=receiver, limit=_AT_ONCE)))

    def record(self, receiver: DueReceiver, told: Sequence[DueEvent], failures: Sequence[Failure]) -> None:
        """Write what a receiver took, and what it did not take, with the waits before the next tries."""
        with self._connection.transaction() as cursor:
            if told:
                _run(cursor, "webhook_told", ids=json.dumps([event.id for event in told]))
            for failure in failures:
                attempts = failure.event.attempts + 1
                _run(
                    cursor,
                    "webhook_failed",
                    id=failure.event.id,
                    problem=failure.problem[:_LONGEST],
                    dead=attempts >= _TRIES,
                    wait=wait_after(attempts, *_EVENT_REST),
                )
            away = next((failure.problem for failure in failures if not failure.lives), None)
            failed = receiver.failures * (not told) + 1 if away else 0
            wait = wait_after(failed, *_RECEIVER_REST) if away else 0.0
            problem = away or next((failure.problem for failure in failures), None)
            rest = {"failures": failed, "wait": wait, "problem": problem and problem[:_LONGEST]}
            _run(cursor, "webhook_rest", name=receiver.name, **rest)

    def prune(self) -> None:
        """Remove events that were told long ago."""
        while self._connection.run("webhook_prune", days=_KEPT):
            pass


def _rows(
    receivers: Iterable[Receiver], changes: Sequence[Change], kind: str, write: Callable[[Receiver, Change], str]
) -> list[_Row]:
    """Make the rows of events, for each receiver that was there before the change."""
    return [
        (receiver.name, events.message_id(kind, change), change.ban_id, write(receiver, change))
        for change in changes
        for receiver in receivers
        if change.batch > receiver.after_batch
    ]


def _watch(change: Change) -> list[object]:
    at = change.written_at.isoformat(" ", "microseconds")
    return [change.ban_id, change.invalidation, change.batch, change.scope, change.subject, at]


def _tell(cursor: MySQLCursorAbstract, rows: Sequence[_Row]) -> None:
    if rows:
        ((now, _),) = fetch(cursor, "webhook_clock")
        _run(cursor, "webhook_tell", rows=json.dumps(rows), at=now)


def _run(cursor: MySQLCursorAbstract, name: str, /, **parameters: Any) -> None:
    cursor.execute(statement(name), parameters)
