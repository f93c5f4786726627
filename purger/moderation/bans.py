"""Reads and writes rows of `bans` through moderation's account, as a moderation system does.

Every function raises ``DatabaseUnavailableError``, also for an account or a schema that lacks something. Those that
write raise ``RefusedBanError`` and ``UncertainError`` as well.
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from itertools import starmap
from typing import NamedTuple

import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract
from mysql.connector.types import MySQLConvertibleType

from purger.moderation.subjects import NamedContent, Subject
from takedown_base.scope import Scope
from takedown_db.connection.error_numbers import NO_ANSWER, REFUSALS
from takedown_db.connection.errors import DatabaseUnavailableError, error_number, explain
from takedown_db.connection.lasting_connection import Connection
from takedown_db.statements import statement

#: Characters of the longest reason, as the tables `bans` and `moderation_log` have it.
LONGEST_REASON = 255

#: The parameters of a statement, as the driver declares them.
_Row = Sequence[MySQLConvertibleType] | dict[str, MySQLConvertibleType]


class RefusedBanError(ValueError):
    """The schema refused a ban that would have banned nothing. The text names the rule."""


class UncertainError(Exception):
    """No answer came to a write, which is one transaction and may have been committed or not.

    The text is the error's.
    """


@dataclass(frozen=True, slots=True)
class Ban:
    """A row of `bans`. Times are UTC. The fields are the keys of `purger bans --json`."""

    id: int
    scope: str
    subject: str
    reason: str
    banned_by: str
    banned_at: datetime
    lifted_at: datetime | None
    lifted_by: str | None  # None: it is open; ``lift_reason`` too
    lift_reason: str | None


@dataclass(frozen=True, slots=True)
class BanFilter:
    """The bans to list: all that each field allows, and None allows any. Times are UTC."""

    scope: Scope | None = None
    subject: str | None = None
    banned_by: str | None = None
    since: datetime | None = None  # banned at this time or later
    until: datetime | None = None  # banned earlier
    only_open: bool = False


class BanCount(NamedTuple):
    """The numbers of bans of a subject."""

    open: int
    all: int


def insert_ban(connection: Connection, subject: Subject, *, reason: str, banned_by: str) -> int:
    """Ban a subject, and return the id of the ban."""
    with writing(connection) as cursor:
        cursor.execute(statement("insert_ban"), _row(subject, reason, banned_by))
        return int(cursor.lastrowid or 0)


def insert_bans(connection: Connection, subjects: Sequence[Subject], *, reason: str, banned_by: str) -> None:
    """Ban some thousand subjects at most, in one transaction."""
    with writing(connection) as cursor:
        # The driver makes one INSERT of them.
        cursor.executemany(statement("insert_ban"), [_row(subject, reason, banned_by) for subject in subjects])


def lift_bans(connection: Connection, subjects: Sequence[Subject], *, lifted_by: str, reason: str) -> int:
    """Lift all open bans of some thousand subjects at most, in one transaction, and return the number of bans."""
    lifted = 0
    with writing(connection) as cursor:
        cursor.execute("START TRANSACTION")
        for scope in Scope:
            if keys := [subject.key for subject in subjects if subject.scope is scope]:
                sql = statement("lift_bans").format(subjects=", ".join(["%s"] * len(keys)))
                cursor.execute(sql, [lifted_by, reason, scope, *keys])
                lifted += cursor.rowcount
        cursor.execute("COMMIT")
    return lifted


def list_bans(connection: Connection, wanted: BanFilter, *, limit: int) -> list[Ban]:
    """Read the newest bans that a filter allows, ``limit`` at most."""
    rows = connection.rows(
        "list_bans",
        scope=wanted.scope,
        subject=wanted.subject,
        banned_by=wanted.banned_by,
        since=wanted.since,
        until=wanted.until,
        open=wanted.only_open,
        limit=limit,
    )
    return list(starmap(Ban, rows))


def count_bans(connection: Connection, subjects: Sequence[Subject]) -> list[BanCount]:
    """Count the bans of each of some thousand subjects at most, in their order."""
    rows = connection.rows("count_bans", subjects=json.dumps(subjects))
    return [BanCount(int(still_open), int(every)) for _, still_open, every in rows]


def _row(subject: Subject, reason: str, banned_by: str) -> _Row:
    # As it was given: the schema finds the content, and keeps the name.
    key = subject.name if isinstance(subject, NamedContent) else subject.key
    return {"scope": subject.scope, "subject": key, "reason": reason, "banned_by": banned_by}


@contextmanager
def writing(connection: Connection) -> Iterator[MySQLCursorAbstract]:
    """Yield a cursor for one transaction, and raise an error for each outcome: refused, perhaps committed, or not."""
    # Connect first: a server that is away then leaves no doubt that nothing was written.
    with connection.cursor():
        pass
    try:
        with connection.cursor() as cursor:
            yield cursor
    except DatabaseUnavailableError as error:
        cause = error.__cause__
        number = error_number(error)
        if number in REFUSALS and isinstance(cause, mysql.connector.Error):
            raise RefusedBanError(explain(cause)) from error
        if number is None or number in NO_ANSWER:
            raise UncertainError(str(error)) from error
        raise
