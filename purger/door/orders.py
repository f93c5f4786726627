"""Reads what a client orders, finds its subject, and writes the ban with its order in one transaction.

A client that got no answer repeats its request with the same `Idempotency-Key`. The key is in the ban's transaction, so
that the repetition finds either the ban or nothing, whenever the door or the database died.
"""

import hashlib
import json
import re
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple

from purger.door.answers import ProblemError, UnavailableError, answered
from purger.door.clients import Client
from purger.door.state import Takedown
from purger.moderation.bans import LONGEST_REASON, RefusedBanError, writing
from purger.moderation.questions import are_known
from purger.moderation.site_names import SiteNames
from purger.moderation.subjects import MalformedSubjectError, NamedContent, NoEdgeAnswersError, Subject
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_base.subject_keys import CODE_ALPHABET, is_key
from takedown_db.connection.error_numbers import ErrorNumber
from takedown_db.connection.errors import DatabaseUnavailableError, error_number
from takedown_db.connection.lasting_connection import Connection, fetch

#: The members of an order that name its subject, of which there is one, with their scopes.
KINDS = {
    "image": Scope.IMAGE,
    "name": Scope.IMAGE,
    "url": Scope.IMAGE,
    "owner": Scope.OWNER,
    "digest": Scope.DIGEST,
}

#: Characters of the longest subject, of the longest `by`, which the client's name follows, and of a reference.
LONGEST_SUBJECT, LONGEST_BY, LONGEST_REFERENCE = 4096, 160, 255

_TEXTS = {
    **dict.fromkeys(KINDS, LONGEST_SUBJECT),
    "reason": LONGEST_REASON,
    "by": LONGEST_BY,
    "reference": LONGEST_REFERENCE,
}

#: A key as the draft has it, a text in quotes, or as most clients send it, without.
_KEY = re.compile(r"[ -~]{1,255}").fullmatch

_URL = re.compile(r"https?://|/", re.IGNORECASE).match


@dataclass(frozen=True, slots=True)
class Order:
    """An order of a client: a subject as it names it, and the texts that are kept with the ban."""

    kind: str  # a key of KINDS
    text: str
    reason: str
    by: str
    reference: str
    ahead: bool  # ban it also if no image has it yet

    @property
    def fingerprint(self) -> bytes:
        """The SHA-256 of all of it. Members may come in any order, and be left out where they are empty."""
        parts = (self.kind, self.text, self.reason, self.by, self.reference, self.ahead)
        return hashlib.sha256(json.dumps(parts).encode()).digest()


class Ordered(NamedTuple):
    """The ban of an order."""

    ban: int
    written: Takedown | None  # None: an earlier request with the same key has written it


def read_order(body: bytes) -> Order:
    """Read the body of a POST. Raises ``ProblemError``."""
    members = read_object(body)
    ahead = members.pop("ahead", False)
    if not isinstance(ahead, bool):
        raise _unusable("`ahead` is neither true nor false")
    for name, value in members.items():
        if name not in _TEXTS:
            raise _unusable(f"there is no member {name[:64]!a}; the members are {', '.join([*_TEXTS, 'ahead'])}")
        if not isinstance(value, str):
            raise _unusable(f"`{name}` is not a text")
        check_text(name, value, _TEXTS[name])
    given = [kind for kind in KINDS if kind in members]
    if len(given) != 1:
        raise _unusable(f"give one of {', '.join(KINDS)}, and only one")
    (kind,) = given
    return Order(
        kind,
        members[kind],
        reason=members.get("reason", ""),
        by=members.get("by", ""),
        reference=members.get("reference", ""),
        ahead=ahead,
    )


def check_text(name: str, text: str, longest: int) -> None:
    """Refuse a text that the database could not keep as it is. Raises ``ProblemError``."""
    if len(text) > longest:
        raise _unusable(f"`{name}` has {len(text)} characters, and may have {longest}")
    if any("\ud800" <= char <= "\udfff" or char == "\0" for char in text):
        raise _unusable(f"`{name}` is not text in UTF-8")


def read_object(body: bytes) -> dict[str, Any]:
    """Read a JSON object whose members have each a name of their own. Raises ``ProblemError``."""
    try:
        value = json.loads(body.decode(), object_pairs_hook=_unambiguous, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else printable(str(error)[:200])
        text = f"The body is not JSON in UTF-8: {reason}."
        raise ProblemError(HTTPStatus.BAD_REQUEST, "malformed-json", text) from None
    if not isinstance(value, dict):
        raise _unusable("the body is not an object")
    return value


def _unambiguous(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse a name that occurs twice: two readers may take either value. Raises ``ValueError``."""
    if len({name for name, _ in pairs}) < len(pairs):
        raise ValueError("an object has a name twice")
    return dict(pairs)


def _no_number(text: str) -> object:
    raise ValueError(f"{text} is no number")


def read_key(text: str | None) -> str | None:
    """Read the field Idempotency-Key. None: it was not sent. Raises ``ProblemError``."""
    if text is not None and not _KEY(text):
        raise ProblemError(
            HTTPStatus.BAD_REQUEST, "malformed-key", "Idempotency-Key is not 1 to 255 characters of printable ASCII."
        )
    return text


def place_order(connection: Connection, client: Client, order: Order, key: str | None) -> Ordered:
    """Ban what a client orders, or find the ban of the earlier request with its key.

    Raises ``ProblemError``, and ``DatabaseUnavailableError`` if nothing was banned.
    """
    require_scope(client.ban, KINDS[order.kind], "ban")
    # Without a look at anything the write itself finds out. A name or URL may lead elsewhere by now.
    looks = not order.ahead or order.kind not in ("image", "owner")
    if looks and key is not None and (earlier := _earlier(connection, client, order, key)) is not None:
        return earlier
    subject = find_ordered(connection, order)
    require_owner(connection, client, subject)
    if not order.ahead and not are_known(connection, [subject])[0]:
        raise _unknown(f"{subject.no_image}; `ahead` bans it all the same, for an image that comes later")
    advice = "repeat the request with the same Idempotency-Key" if key else "GET /takedowns shows it"
    try:
        with answered("The ban", advice):
            written = _write(connection, client, order, subject, key)
            return Ordered(written.id, written)
    except RefusedBanError as error:
        raise _unusable(str(error)) from None
    except DatabaseUnavailableError as error:
        if key is None or error_number(error) != ErrorNumber.ER_DUP_ENTRY:
            raise
    # The same request came before, or twice at a time.
    earlier = _earlier(connection, client, order, key)
    if earlier is None:
        raise UnavailableError("uncertain", "The request could not be told from another one. Repeat it.")
    return earlier


def require_scope(allowed: frozenset[Scope], scope: Scope, act: str) -> None:
    """Refuse what a client may not do. Raises ``ProblemError``."""
    if scope not in allowed:
        may = ", ".join(sorted(allowed)) or "nothing"
        text = f"This token does not let its client {act} the scope {scope}; it may {act} {may}."
        raise ProblemError(HTTPStatus.FORBIDDEN, "scope-not-allowed", text)


def require_owner(connection: Connection, client: Client, subject: Subject) -> None:
    """Refuse what is not of a client's owners. Raises ``ProblemError``."""
    if client.owners is None:
        return
    owner = subject.key
    if subject.scope is Scope.IMAGE:
        ((owner,),) = connection.rows("owner_of_code", code=subject.key)
    if subject.scope is Scope.DIGEST or owner not in client.owners:
        text = "This token is for images of certain owners, and this is of none of them."
        raise ProblemError(HTTPStatus.FORBIDDEN, "owner-not-allowed", text)


def signature(by: str, client: Client) -> str:
    """Write who ordered something for the record. The client's name comes last: nothing in ``by`` passes for it."""
    through = f"door client {client.name}"
    return f"{by} ({through})" if by else through


def _earlier(connection: Connection, client: Client, order: Order, key: str) -> Ordered | None:
    """Find the ban of an earlier request with the key. Raises ``ProblemError`` if that ordered something else."""
    rows = connection.rows("door_order", client=client.name, key=key)
    if not rows:
        return None
    ((ban, fingerprint),) = rows
    if bytes(fingerprint) != order.fingerprint:
        text = f"This Idempotency-Key was used for another order, takedown {ban}. Use a new key for each order."
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "key-reused", text)
    return Ordered(int(ban), None)


def find_ordered(connection: Connection, order: Order) -> Subject:
    """Find the subject of an order. Raises ``ProblemError``."""
    scope, text = KINDS[order.kind], order.text
    if order.kind == "image" and not is_key(text):
        raise _unusable(f"`image` is not a code, which is {CODE_ALPHABET}; give `name` or `url`")
    if order.kind == "url" and not _URL(text):
        raise _unusable("`url` begins with neither https:// nor /")
    if order.kind == "name" and _URL(text):
        raise _unusable("`name` is a URL or a path: give it as `url`")
    (found,) = SiteNames(connection).subjects([(scope, text)])
    if isinstance(found, NoEdgeAnswersError):
        raise UnavailableError("no-edge-answers", f"Nothing was done: {found}.")
    if isinstance(found, MalformedSubjectError):
        raise _unknown(str(found))
    return found


def _write(connection: Connection, client: Client, order: Order, subject: Subject, key: str | None) -> Takedown:
    with writing(connection) as cursor:
        (row,) = fetch(
            cursor,
            "door_ban",
            scope=subject.scope,
            # As it was given: the schema finds the content, and keeps the name.
            subject=subject.name if isinstance(subject, NamedContent) else subject.key,
            reason=order.reason,
            banned_by=signature(order.by, client),
            client=client.name,
            key=key,
            fingerprint=order.fingerprint,
            reference=order.reference,
        )
    return Takedown(*row)


def _unusable(reason: str) -> ProblemError:
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "unusable-order", f"Nothing was done: {reason}.")


def _unknown(reason: str) -> ProblemError:
    return ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "unknown-subject", f"Nothing was done: {reason}.")
