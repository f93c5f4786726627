"""Takes the callback of an Action of Coop (roostorg/coop): it bans, or lifts, the item that Coop names.

The URL of the Action is ``/coop/ban/KIND`` or ``/coop/lift/KIND``; the kind says what the item's id is at this site:
image, name, url, owner or digest. The Action sends the client's token (a header of its own), and Coop signs the body:
RSASSA-PKCS1-v1_5 with SHA-256 in ``coop-signature`` ("API Keys and Authentication" there; the body is that of
"Handling Actions"). The public key is ``coop_key`` in the client's table.

Coop tries five times, and the signature has no time. A ban that stands is therefore not ordered twice, and a replay
needs the token, too.
"""

import base64
import logging
from http import HTTPStatus
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from purger.door.answers import Answer, ProblemError, answered
from purger.door.app import Request
from purger.door.orders import (
    KINDS,
    LONGEST_BY,
    LONGEST_REFERENCE,
    Order,
    check_text,
    find_ordered,
    place_order,
    read_object,
    require_owner,
    require_scope,
    signature,
)
from purger.door.tally import Tally
from purger.moderation.bans import LONGEST_REASON, writing
from takedown_base.printable import printable
from takedown_db.statements import statement

log = logging.getLogger(__name__)


class Coop:
    """The functions of the routes below ``/coop``; for several threads."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally

    def ban(self, request: Request, kind: str) -> Answer:
        """Answer the callback of an Action that bans: 202 once the ban is committed, 200 if it was banned."""
        order = _order(kind, _verified_body(request))
        require_scope(request.client.ban, KINDS[kind], "ban")
        open_bans = self._open_bans(request, order)
        if open_bans:
            return Answer(HTTPStatus.OK, {"takedowns": open_bans})
        ordered = place_order(request.connection, request.client, order, None)
        self._tally.acted(request.client.name, "ban")
        log.info("takedown %d ordered by the client %s: %s", ordered.ban, request.client.name, printable(order.text))
        return Answer(HTTPStatus.ACCEPTED, {"takedowns": [ordered.ban]}, {"Location": f"/takedowns/{ordered.ban}"})

    def lift(self, request: Request, kind: str) -> Answer:
        """Answer the callback of an Action that lifts: the bans that this client has ordered, and no others."""
        order = _order(kind, _verified_body(request))
        require_scope(request.client.lift, KINDS[kind], "lift")
        open_bans = self._open_bans(request, order)
        lifted_by, connection = signature(order.by, request.client), request.connection
        with answered("The lift", "repeat the request"), writing(connection), connection.transaction() as cursor:
            for ban in open_bans:
                cursor.execute(
                    statement("lift_door_takedown"), {"id": ban, "lifted_by": lifted_by, "reason": order.reason}
                )
        for ban in open_bans:
            self._tally.acted(request.client.name, "lift")
            log.info("takedown %d lifted by the client %s", ban, request.client.name)
        return Answer(HTTPStatus.ACCEPTED if open_bans else HTTPStatus.OK, {"takedowns": open_bans})

    def _open_bans(self, request: Request, order: Order) -> list[int]:
        """Read the bans on an item that this client has ordered and that stand."""
        subject = find_ordered(request.connection, order)
        require_owner(request.connection, request.client, subject)
        on = {"client": request.client.name, "scope": subject.scope, "subject": subject.key}
        return [int(ban) for (ban,) in request.connection.rows("door_open_bans", **on)]


def _verified_body(request: Request) -> dict[str, Any]:
    """Read the body, which Coop has signed. Raises ``ProblemError``."""
    request.query()
    key = request.client.coop_key
    if key is None:
        text = "This client has no coop_key, so nothing can be believed to come from Coop."
        raise ProblemError(HTTPStatus.FORBIDDEN, "scope-not-allowed", text)
    body = request.body()
    if not _is_signed(body, request.header("Coop-Signature") or "", key):
        text = "coop-signature is missing, or is none of the body by this client's coop_key."
        raise ProblemError(HTTPStatus.UNAUTHORIZED, "wrong-token", text)
    return read_object(body)


def _is_signed(body: bytes, text: str, key: str) -> bool:
    public = load_pem_public_key(key.encode())
    try:
        if isinstance(public, RSAPublicKey):
            public.verify(base64.b64decode(text, validate=True), body, PKCS1v15(), SHA256())
            return True
    except (InvalidSignature, ValueError):  # it is none of the body, or no base64
        pass
    return False


def _order(kind: str, body: dict[str, Any]) -> Order:
    """Make the order of a callback. Raises ``ProblemError``."""
    if kind not in KINDS:
        raise ProblemError(HTTPStatus.NOT_FOUND, "no-route", f"The kinds here are {', '.join(KINDS)}.")
    item, action = _member(body, "item"), _member(body, "action")
    policies = body.get("policies")
    names = (
        [str(each.get("name", "")) for each in policies if isinstance(each, dict)] if isinstance(policies, list) else []
    )
    texts = {
        "reason": ", ".join(filter(None, names))[:LONGEST_REASON],
        "by": str(body.get("actorEmail") or "")[:LONGEST_BY],
        "reference": f"action {action}"[:LONGEST_REFERENCE],
    }
    for name, text in texts.items():
        check_text(name, text, len(text))
    return Order(kind, item, ahead=True, **texts)


def _member(body: dict[str, Any], name: str) -> str:
    value = body.get(name)
    found = value.get("id") if isinstance(value, dict) else None
    if not isinstance(found, str) or not found:
        text = f"Nothing was done: `{name}` has no `id`."
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "unusable-order", text)
    check_text(f"{name}.id", found, 4096)
    return found
