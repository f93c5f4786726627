"""Answers requests for takedowns: order, read, list, lift."""

import logging
import re
import threading
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from purger.door.answers import Answer, ProblemError, answered, committed
from purger.door.app import Request
from purger.door.orders import (
    LONGEST_BY,
    check_text,
    place_order,
    read_key,
    read_order,
    require_owner,
    require_scope,
    signature,
)
from purger.door.state import Delivery, Takedown, find_takedown, list_takedowns, read_delivery
from purger.door.tally import Tally
from purger.moderation.bans import LONGEST_REASON, writing
from purger.moderation.subjects import Subject
from takedown_base.json_output import members
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_db.statements import statement

log = logging.getLogger(__name__)

#: Seconds of the longest wait: proxies end a request that takes a minute.
LONGEST_WAIT = 50

#: Takedowns on a page, and the most that a client may ask for.
PAGE, LARGEST_PAGE = 100, 1000

_NUMBER = re.compile(r"[0-9]{1,18}", re.ASCII).fullmatch
_SECONDS = re.compile(r"[0-9]{1,2}(?:\.[0-9]{1,3})?", re.ASCII).fullmatch
_JSON = re.compile(r"application/json(?:\s*;\s*charset=\"?utf-8\"?)?\s*", re.IGNORECASE).fullmatch


class Takedowns:
    """The functions of the routes below ``/takedowns``; for several threads."""

    def __init__(self, tally: Tally, waits: int) -> None:
        """Take the most requests that may wait at a time: those that wait keep threads from the others."""
        self._tally = tally
        self._waits = threading.Semaphore(waits)

    def order(self, request: Request) -> Answer:
        """Answer ``POST /takedowns``: 202 once it is committed; with ``wait``, 200 if it is gone at every edge."""
        wanted = _Wanted(request.query("wait", "until"))
        media_type = request.header("Content-Type") or ""
        if not _JSON(media_type):
            text = f"Content-Type is {printable(media_type) or 'missing'}, and has to be application/json."
            raise ProblemError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "not-json", text, Accept_Post="application/json")
        order = read_order(request.body())
        key = read_key(request.header("Idempotency-Key"))
        ordered = place_order(request.connection, request.client, order, key)
        headers = {"Location": f"/takedowns/{ordered.ban}"}
        if ordered.written:
            self._tally.acted(request.client.name, "ban")
            log.info(
                "takedown %d ordered by the client %s: %s", ordered.ban, request.client.name, printable(order.text)
            )
        else:
            headers["Idempotency-Replayed"] = "true"
        with committed(f"Takedown {ordered.ban} is committed"):
            takedown = ordered.written or find_takedown(request.connection, ordered.ban)
            if takedown is None:
                raise ProblemError(HTTPStatus.GONE, "deleted", f"Takedown {ordered.ban} was deleted since.")
            if not wanted.given:
                return Answer(HTTPStatus.ACCEPTED, _shown(takedown), headers)
            return self._state(request, takedown, wanted, headers)

    def read(self, request: Request, number: str) -> Answer:
        """Answer ``GET /takedowns/ID``: 200; with ``wait``, 200 only if it is done at every edge, and else 202."""
        wanted = _Wanted(request.query("wait", "until"))
        return self._state(request, self._find(request, number, "read"), wanted)

    def lift(self, request: Request, number: str) -> Answer:
        """Answer ``DELETE /takedowns/ID``: 202 once the lift is committed, 200 if it was lifted already."""
        query = request.query("reason", "by")
        reason, by = query.get("reason", ""), query.get("by", "")
        check_text("reason", reason, LONGEST_REASON)
        check_text("by", by, LONGEST_BY)
        takedown = self._find(request, number, "lift")
        changed = self._lift(request, takedown, reason, by)
        with committed(f"The lift of takedown {takedown.id} is committed"):
            lifted = find_takedown(request.connection, takedown.id) or takedown
        status = HTTPStatus.ACCEPTED if changed else HTTPStatus.OK
        return Answer(status, _shown(lifted), {"Location": f"/takedowns/{takedown.id}"})

    def list(self, request: Request) -> Answer:
        """Answer ``GET /takedowns``: a page of those that the client may read, the newest first."""
        query = request.query("before", "limit", "open", "scope")
        client = request.client
        scopes = client.read
        if "scope" in query:
            scope = _member(query["scope"])
            require_scope(client.read, scope, "read")
            scopes = frozenset({scope})
        if not scopes:
            require_scope(scopes, Scope.IMAGE, "read")
        limit = _whole(query, "limit", LARGEST_PAGE) or PAGE
        found = list_takedowns(
            request.connection,
            client,
            scopes,
            before=_whole(query, "before", 10**18),
            only_open=_flag(query, "open"),
            limit=limit + 1,
        )
        page, more = found[:limit], len(found) > limit
        content = {"takedowns": [_shown(each) for each in page], "before": page[-1].id if more else None}
        return Answer(HTTPStatus.OK, content)

    def _find(self, request: Request, number: str, act: str) -> Takedown:
        """Find a takedown that the client may see or lift. Raises ``ProblemError``: what it may not see is 404."""
        takedown = find_takedown(request.connection, int(number)) if _NUMBER(number) else None
        client = request.client
        allowed = client.read if act == "read" else client.lift
        if takedown is not None and (client.others or takedown.client == client.name):
            require_scope(allowed, Scope(takedown.scope), act)
            if act == "lift":
                require_owner(request.connection, client, Subject(Scope(takedown.scope), takedown.subject))
            return takedown
        whose = "" if client.others else " that this client has ordered"
        raise ProblemError(HTTPStatus.NOT_FOUND, "no-takedown", f"There is no takedown {number[:20]}{whose}.")

    def _lift(self, request: Request, takedown: Takedown, reason: str, by: str) -> bool:
        signed = signature(by, request.client)
        with answered("The lift", "repeat the request"), writing(request.connection) as cursor:
            cursor.execute(statement("lift_door_takedown"), {"id": takedown.id, "lifted_by": signed, "reason": reason})
            changed = cursor.rowcount > 0
        if changed:
            self._tally.acted(request.client.name, "lift")
            log.info("takedown %d lifted by the client %s", takedown.id, request.client.name)
        return changed

    def _state(
        self, request: Request, takedown: Takedown, wanted: "_Wanted", headers: Mapping[str, str] | None = None
    ) -> Answer:
        seconds = wanted.seconds
        waits = seconds > 0 and self._waits.acquire(blocking=False)
        try:
            delivery = read_delivery(request.connection, takedown, seconds if waits else 0, seen=wanted.seen)
        finally:
            if waits:
                self._waits.release()
        done = delivery.seen if wanted.seen and takedown.lifted_at is None else delivery.complete
        status = HTTPStatus.OK if done or not wanted.given else HTTPStatus.ACCEPTED
        retry = {} if status is HTTPStatus.OK else {"Retry-After": "1"}
        return Answer(status, _shown(takedown) | _progress(takedown, delivery), {**(headers or {}), **retry})


class _Wanted:
    """The wait that a request asks for in its query."""

    def __init__(self, query: Mapping[str, str]) -> None:
        text = query.get("wait")
        if text is not None and (not _SECONDS(text) or float(text) > LONGEST_WAIT):
            raise _malformed(f"`wait` is not a number of seconds up to {LONGEST_WAIT}.")
        until = query.get("until", "acknowledged")
        if until not in ("acknowledged", "seen"):
            raise _malformed("`until` is neither acknowledged nor seen.")
        self.given = text is not None
        self.seconds = float(text or 0)
        self.seen = until == "seen"


def _shown(takedown: Takedown) -> dict[str, Any]:
    return {**members(takedown, *Takedown._fields), "url": f"/takedowns/{takedown.id}"}


def _progress(takedown: Takedown, delivery: Delivery) -> dict[str, Any]:
    lifted = takedown.lifted_at is not None
    state = ("lifted" if lifted else "gone") if delivery.complete else ("lifting" if lifted else "pending")
    edges = [
        {
            "edge": edge.edge,
            "acknowledged": edge.acknowledged,
            "seen": None if edge.seen is None else edge.seen._asdict(),
            "problem": edge.problem,
        }
        for edge in delivery.edges
    ]
    seen = delivery.seen and not lifted
    obstacle = delivery.obstacle
    if not delivery.found:
        obstacle = obstacle or "the outbox has no purge of it: no trigger wrote one, or it was pruned"
    return {"state": state if delivery.found else "unknown", "seen_gone": seen, "obstacle": obstacle, "edges": edges}


def _member(text: str) -> Scope:
    try:
        return Scope(text)
    except ValueError:
        raise _malformed(f"`scope` is none of {', '.join(Scope)}.") from None


def _whole(query: Mapping[str, str], name: str, most: int) -> int | None:
    text = query.get(name)
    if text is None:
        return None
    if not _NUMBER(text) or not 1 <= int(text) <= most:
        raise _malformed(f"`{name}` is not a whole number from 1 to {most}.")
    return int(text)


def _flag(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "false")
    if text not in ("true", "false"):
        raise _malformed(f"`{name}` is neither true nor false.")
    return text == "true"


def _malformed(text: str) -> ProblemError:
    return ProblemError(HTTPStatus.BAD_REQUEST, "malformed-parameter", text)
