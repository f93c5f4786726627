"""Defines the answers of the door: JSON, and problem details (RFC 9457) for all that is refused."""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus

from purger.moderation.bans import UncertainError
from takedown_base.json_output import utc_text
from takedown_base.printable import printable
from takedown_db.connection.error_numbers import NO_RIGHT, SCHEMA_OUTDATED
from takedown_db.connection.errors import DatabaseUnavailableError, error_number

log = logging.getLogger(__name__)

#: The media type of problem details.
PROBLEM_TYPE = "application/problem+json"

#: Seconds after which a client may try again what is a matter of time.
_SOON = "2"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer. ``content`` is sent as JSON; None: without a body. ``headers`` replace the usual ones."""

    status: HTTPStatus
    content: object = None
    headers: Mapping[str, str] = field(default_factory=dict)

    def parts(self) -> tuple[list[tuple[str, str]], bytes]:
        """Return all headers, and the body."""
        body = b"" if self.content is None else json.dumps(self.content, default=_encodable).encode() + b"\n"
        usual = {
            "Content-Type": "application/json",
            "Content-Length": str(len(body)),
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
        }
        return list((usual | dict(self.headers)).items()), body


class ProblemError(Exception):
    """A request is refused. The text says what was wrong and what to do; ``kind`` is for programs."""

    def __init__(self, status: HTTPStatus, kind: str, text: str, **headers: str) -> None:
        """Take the status, the kind, the text, and headers, whose names have ``_`` for ``-``."""
        super().__init__(text)
        self.status = status
        self.kind = kind
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}

    def answer(self) -> Answer:
        """Return the problem details."""
        return Answer(
            self.status, problem(self.status, self.kind, str(self)), {**self.headers, "Content-Type": PROBLEM_TYPE}
        )


class UnavailableError(ProblemError):
    """Something that the door needs is away now. The text says whether anything was done."""

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(HTTPStatus.SERVICE_UNAVAILABLE, kind, text, Retry_After=_SOON)


@contextmanager
def committed(what: str) -> Iterator[None]:
    """Say what is done where the database goes away after it, and log why. Raises ``UnavailableError``."""
    try:
        yield
    except DatabaseUnavailableError as error:
        log.error("%s, but the database cannot answer: %s", what, printable(error))
        raise UnavailableError("state-unknown", f"{what}, but its state cannot be read. {reason(error)}") from error


@contextmanager
def answered(what: str, advice: str) -> Iterator[None]:
    """Say that a write may be committed or not where the database gave no answer, and log why.

    Raises ``UnavailableError``.
    """
    try:
        yield
    except UncertainError as error:
        log.error("%s may be committed or not, since the database gave no answer: %s", what, printable(error))
        text = f"The database gave no answer. {what} may be committed or not: {advice}."
        raise UnavailableError("uncertain", text) from None


def reason(error: DatabaseUnavailableError) -> str:
    """Say what keeps the database from answering. Its own text is for the log: it names accounts and servers."""
    number = error_number(error)
    if number in NO_RIGHT:
        return "The door's account lacks a right in the database, and the door's log says which."
    if number in SCHEMA_OUTDATED:
        return "The database's schema is not of the door's version, and the door's log has more."
    return "The database cannot be used now."


def problem(status: HTTPStatus, kind: str, detail: str) -> dict[str, object]:
    """Make problem details: the type ``about:blank`` says that the title is that of the status (RFC 9457, 4.2.1)."""
    return {"type": "about:blank", "title": status.phrase, "status": status.value, "kind": kind, "detail": detail}


def _encodable(value: object) -> object:
    if isinstance(value, datetime):
        return utc_text(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
