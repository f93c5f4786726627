"""Reads and writes rows of `bans` through moderation's account, as a moderation system does.

Procedures tell what that account may not read (takedown_db/schema/moderation_routines.sql).
Every function raises ``DatabaseUnavailableError``, also for an account or a schema that lacks something.
"""

from dataclasses import dataclass
from datetime import datetime
from itertools import starmap
from typing import NamedTuple

import mysql.connector

from takedown_db.error_numbers import NO_ANSWER, NO_PROCEDURE, REFUSALS
from takedown_db.errors import DatabaseUnavailableError, error_number, explain
from takedown_db.lasting_connection import Connection
from takedown_db.scope import Scope
from takedown_db.statements import statement


class RefusedBanError(ValueError):
    """The schema refused a ban that would have banned nothing. The text names the rule."""


class UncertainError(Exception):
    """No answer came to a statement, which may have been carried out or not. The text is that of the error."""


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


class OwnerBan(NamedTuple):
    """An open ban on the owner of an image."""

    id: int
    owner: str


def is_known(connection: Connection, scope: Scope, subject: str) -> bool | None:
    """Tell whether an image has this code or this owner. None: the schema is older than the procedure that tells."""
    try:
        ((known,),) = connection.rows("subject_known", scope=scope, subject=subject)
    except DatabaseUnavailableError as error:
        if error_number(error) in NO_PROCEDURE:
            return None
        raise
    return bool(known)


def owner_bans(connection: Connection, code: str) -> list[OwnerBan]:
    """Read the open bans of an image's owner, the oldest first."""
    return list(starmap(OwnerBan, connection.rows("owner_bans", code=code)))


def ban(connection: Connection, scope: Scope, subject: str, *, reason: str, banned_by: str) -> int:
    """Ban a code, or all images of an owner, and return the id of the ban.

    Raises ``RefusedBanError`` and ``UncertainError``.
    """
    values = {"scope": scope, "subject": subject, "reason": reason, "banned_by": banned_by}
    return _write(connection, "insert_ban", values).id


def lift(connection: Connection, scope: Scope, subject: str) -> int:
    """Lift all open bans of a code or an owner, and return their number. Raises ``UncertainError``."""
    return _write(connection, "lift_ban", {"scope": scope, "subject": subject}).rows


def bans(connection: Connection, scope: Scope | None, subject: str | None, *, only_open: bool, limit: int) -> list[Ban]:
    """Read the newest bans of one subject, or of all (None for both), ``limit`` at most."""
    rows = connection.rows("list_bans", scope=scope, subject=subject, open=only_open, limit=limit)
    return list(starmap(Ban, rows))


class _Written(NamedTuple):
    """The result of a statement that writes."""

    rows: int  # number of changed rows
    id: int  # the id that an inserted row was given


def _write(connection: Connection, name: str, values: dict[str, str]) -> _Written:
    # Connect first: a server that is away then leaves no doubt that nothing was written.
    with connection.cursor():
        pass
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement(name), dict(values))
            return _Written(cursor.rowcount, int(cursor.lastrowid or 0))
    except DatabaseUnavailableError as error:
        cause = error.__cause__
        number = error_number(error)
        if number in REFUSALS and isinstance(cause, mysql.connector.Error):
            raise RefusedBanError(explain(cause)) from error
        if number is None or number in NO_ANSWER:
            raise UncertainError(str(error)) from error
        raise
