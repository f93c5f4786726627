"""Bans and lifts from the command line: one row of `bans` each, as any moderation system writes them.

All of it goes through moderation's account. What that account may not read, procedures tell (schema/moderation.sql).
Every function raises ``DatabaseUnavailableError``, also for an account or a schema that lacks something.
"""

from datetime import datetime
from typing import NamedTuple

import mysql.connector

from takedown_db.connection import Connection
from takedown_db.errors import REFUSALS, DatabaseUnavailableError, explain
from takedown_db.statements import statement

#: The driver's own errors: no answer came, and whether the statement was carried out is unknown.
_NO_ANSWER = range(2000, 3000)

#: The procedure is not there, or may not be called: `purger migrate` has not been run since an upgrade.
_NO_PROCEDURE = (1305, 1370)


class RefusedBanError(ValueError):
    """The schema refused the ban: it would have banned nothing. The text names what is wrong with it."""


class UncertainError(Exception):
    """No answer came to a statement: it may have been carried out or not. The text is that of the error."""


class Ban(NamedTuple):
    """A row of `bans`. Times are UTC."""

    id: int
    scope: str
    subject: str
    reason: str
    banned_by: str
    banned_at: datetime
    lifted_at: datetime | None


class OwnerBan(NamedTuple):
    """An open ban of an image's owner."""

    id: int
    owner: str


def known(connection: Connection, scope: str, subject: str) -> bool | None:
    """Tell whether there is such an image, or an image of such an owner; None where the schema cannot tell yet."""
    try:
        return bool(connection.rows("subject_known", scope=scope, subject=subject)[0][0])
    except DatabaseUnavailableError as error:
        if _number(error) in _NO_PROCEDURE:
            return None
        raise


def owner_bans(connection: Connection, code: str) -> list[OwnerBan]:
    """Read the open bans of an image's owner, the oldest first."""
    return [OwnerBan(*row) for row in connection.rows("owner_bans", code=code)]


def ban(connection: Connection, scope: str, subject: str, *, reason: str, banned_by: str) -> int:
    """Ban a code (scope ``image``) or an owner's images (``owner``), and return the ban's id.

    Raises ``RefusedBanError`` and ``UncertainError``.
    """
    values = {"scope": scope, "subject": subject, "reason": reason, "banned_by": banned_by}
    return _write(connection, "insert_ban", values)[1]


def lift(connection: Connection, scope: str, subject: str) -> int:
    """Lift all open bans of a code or an owner, and return how many there were. Raises ``UncertainError``."""
    return _write(connection, "lift_ban", {"scope": scope, "subject": subject})[0]


def bans(connection: Connection, scope: str | None, subject: str | None, *, only_open: bool, limit: int) -> list[Ban]:
    """Read the newest bans, ``limit`` at most: of one subject, or of all (None for both)."""
    rows = connection.rows("list_bans", scope=scope, subject=subject, open=only_open, limit=limit)
    return [Ban(*row) for row in rows]


def _write(connection: Connection, name: str, values: dict[str, str]) -> tuple[int, int]:
    # Connected before, so that a server that is away is no reason for doubt.
    with connection.cursor():
        pass
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement(name), dict(values))
            return cursor.rowcount, int(cursor.lastrowid or 0)
    except DatabaseUnavailableError as error:
        cause = error.__cause__
        number = _number(error)
        if number in REFUSALS and isinstance(cause, mysql.connector.Error):
            raise RefusedBanError(explain(cause)) from error
        if number is None or number in _NO_ANSWER:
            raise UncertainError(str(error)) from error
        raise


def _number(error: DatabaseUnavailableError) -> int | None:
    """Find the server's or the driver's number of an error; None where it has none."""
    cause = error.__cause__
    number = cause.errno if isinstance(cause, mysql.connector.Error) else None
    return number if number and number > 0 else None
