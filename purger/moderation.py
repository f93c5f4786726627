"""Bans and lifts from the command line: one row of `bans` each, as any moderation system writes them."""

import getpass
import threading
import time
from typing import NamedTuple

import mysql.connector

from database import REFUSALS, connect, explain
from purger.link import Link
from purger.statements import statement

_POLL = 0.05


class RefusedBanError(ValueError):
    """The schema refused the ban: it would have banned nothing. The text names what is wrong with it."""


class Reached(NamedTuple):
    """Whether an edge has acknowledged a ban, and what keeps it from that."""

    edge: str
    acknowledged: bool
    problem: str | None


def ban(url: str, scope: str, subject: str, *, reason: str = "", banned_by: str | None = None) -> int:
    """Ban a code (scope ``image``) or an owner's images (``owner``) through moderation's account; the ban's id.

    Raises ``RefusedBanError``, or ``mysql.connector.Error`` when the database cannot be used.
    """
    values = {"scope": scope, "subject": subject, "reason": reason, "banned_by": banned_by or getpass.getuser()}
    try:
        return _write(url, "ban", values)[1]
    except mysql.connector.Error as error:
        raise _refusal(error, scope, subject) or error from error


def lift(url: str, scope: str, subject: str) -> int:
    """Lift all open bans of a code or an owner; how many there were. Raises ``mysql.connector.Error``."""
    if not subject.isascii():
        return 0
    return _write(url, "lift", {"scope": scope, "subject": subject})[0]


def reached(link: Link, ban_id: int) -> list[Reached]:
    """How far a ban has come at each enabled edge."""
    return [Reached(name, bool(done), problem) for name, done, problem in link.rows("ban_progress", ban=ban_id)]


def wait_reached(link: Link, ban_id: int, seconds: float) -> list[Reached]:
    """``reached``, once every edge has acknowledged or has a problem, or the time is over."""
    until = time.monotonic() + seconds
    pause = threading.Event()
    while True:
        edges = reached(link, ban_id)
        settled = edges and all(edge.acknowledged or edge.problem for edge in edges)
        if settled or time.monotonic() >= until:
            return edges
        pause.wait(_POLL)


def _write(url: str, name: str, values: dict[str, str]) -> tuple[int, int]:
    connection = connect(url, timeout=10)
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement(name), dict(values))
            return cursor.rowcount, int(cursor.lastrowid or 0)
    finally:
        connection.close()


def _refusal(error: mysql.connector.Error, scope: str, subject: str) -> RefusedBanError | None:
    if error.errno not in REFUSALS:
        return None
    text = explain(error)
    if "reason" in text or "banned_by" in text:
        return RefusedBanError(f"the reason or the name is too long: {text}")
    what = "a code" if scope == "image" else "an owner's key"
    return RefusedBanError(
        f"{subject!r} is not {what}, which is 1 to 64 of A-Z a-z 0-9 _ - with nothing before or after: {text}"
    )
