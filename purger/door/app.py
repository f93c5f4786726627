"""Answers the requests of programs as a WSGI application: guards them, and leads each to the function of its route.

A route's function takes a ``Request`` and the names in its path, and returns an ``Answer`` or raises ``ProblemError``.
Whatever it raises becomes problem details. A route is open if it needs no token: then its function guards itself.
"""

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import bottle

from purger.door.answers import Answer, ProblemError, UnavailableError, reason
from purger.door.clients import Client, Clients
from purger.door.connections import Connections
from purger.door.tally import Tally
from takedown_base.printable import printable
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection

log = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]

#: Bytes of the longest body of a request.
LONGEST_BODY = 16_384


class Request(NamedTuple):
    """A request, who sent it, and what answers it."""

    environ: Environ
    sender: Client | None  # None: the route is open
    connection: Connection  # with the door's account, for this thread only
    clients: Clients

    @property
    def client(self) -> Client:
        """Return the client whose token came with it. Only for routes that are not open."""
        if self.sender is None:
            raise TypeError("the route is open")
        return self.sender

    def header(self, name: str) -> str | None:
        """Return a field by its name, such as ``Idempotency-Key``. None: it was not sent."""
        key = name.upper().replace("-", "_")
        value = self.environ.get(key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}")
        return None if value is None else str(value)

    def query(self, *known: str) -> dict[str, str]:
        """Return the parameters of the query, of which there may be ``known`` ones, each once.

        Raises ``ProblemError``: who misspells ``wait`` must not believe that he has waited.
        """
        try:
            given = parse_qs(
                self.environ["QUERY_STRING"],
                keep_blank_values=True,
                strict_parsing=bool(self.environ["QUERY_STRING"]),
                max_num_fields=20,
                errors="strict",
            )
        except ValueError:
            raise ProblemError(HTTPStatus.BAD_REQUEST, "malformed-query", "The query is malformed.") from None
        for name, values in given.items():
            if name not in known or len(values) > 1:
                allowed = f"the parameters are {', '.join(known)}, each once" if known else "there are no parameters"
                text = f"The query has {printable(name)!r}, or has it twice: {allowed}."
                raise ProblemError(HTTPStatus.BAD_REQUEST, "unknown-parameter", text)
        return {name: values[0] for name, values in given.items()}

    def body(self) -> bytes:
        """Read the body, which came with the head. Raises ``ProblemError``."""
        text = self.header("Content-Length")
        if text is None:
            raise ProblemError(HTTPStatus.LENGTH_REQUIRED, "length-required", "Content-Length is missing.")
        length = int(text)  # the server has read its digits
        if length > LONGEST_BODY:
            text = f"The body has {length} bytes, and may have {LONGEST_BODY}."
            raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", text)
        body: bytes = self.environ["wsgi.input"].read(length)
        return body


class Route(NamedTuple):
    """A route: a method, a path as bottle writes it, and the function that answers."""

    method: str
    path: str
    answer: Callable[..., Answer]
    open: bool = False


class DoorApp:
    """The WSGI application (PEP 3333), for several threads."""

    def __init__(self, routes: Sequence[Route], clients: Clients, connections: Connections, tally: Tally) -> None:
        self._clients = clients
        self._connections = connections
        self._tally = tally
        self._routes = bottle.Bottle()
        for route in routes:
            self._routes.route(route.path, method=route.method, callback=route.answer, open=route.open)
        self._methods = sorted({route.method for route in routes})

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        began = time.monotonic()
        answer, client = self._respond(environ)
        headers, body = answer.parts()
        self._tally.answered(client.name if client else "", answer.status, time.monotonic() - began)
        start_response(f"{answer.status.value} {answer.status.phrase}", headers)
        return () if environ["REQUEST_METHOD"] == "HEAD" else (body,)

    def _respond(self, environ: Environ) -> tuple[Answer, Client | None]:
        client = None
        try:
            route, names = self._match(environ)
            if not route.config.get("open"):
                client = self._admit(environ)
            with self._connections.own() as connection:
                return route.call(Request(environ, client, connection, self._clients), **names), client
        except ProblemError as error:
            return error.answer(), client
        except DatabaseUnavailableError as error:
            log.error("the database cannot answer: %s", printable(error))
            return UnavailableError("database-unavailable", f"{reason(error)} Nothing was done.").answer(), client
        except Exception:
            log.exception("the request for %s failed; this is a bug", printable(environ.get("PATH_INFO", "")))
            text = "The door failed, and its log says why. Whether anything was done is not known."
            return ProblemError(HTTPStatus.INTERNAL_SERVER_ERROR, "failed", text).answer(), client

    def _match(self, environ: Environ) -> tuple[Any, dict[str, str]]:
        """Find the route. Raises ``ProblemError``."""
        method = environ["REQUEST_METHOD"]
        if method != "HEAD" and method not in self._methods:  # bottle would take small letters
            raise self._not_allowed(self._methods)
        try:
            route, names = self._routes.match(environ)
        except bottle.HTTPError as error:
            if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
                allowed = error.headers.get("Allow", "").split(",")
                raise self._not_allowed([each for each in allowed if each]) from None
            raise ProblemError(HTTPStatus.NOT_FOUND, "no-route", "There is nothing at this path.") from None
        return route, names

    def _not_allowed(self, methods: Sequence[str]) -> ProblemError:
        text = f"The methods here are {', '.join(methods)}."
        return ProblemError(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", text, Allow=", ".join(methods))

    def _admit(self, environ: Environ) -> Client:
        """Find the client of a request, and count it. Raises ``ProblemError``."""
        authorization = environ.get("HTTP_AUTHORIZATION")
        if authorization is None:
            text = "Authorization: Bearer TOKEN is missing."
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "no-token", text, WWW_Authenticate="Bearer")
        client = self._clients.find(authorization)
        if client is None:
            text = "Authorization is not Bearer and a token of this door."
            challenge = 'Bearer error="invalid_token"'
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "wrong-token", text, WWW_Authenticate=challenge)
        admit(self._clients, client)
        return client


def admit(clients: Clients, client: Client) -> None:
    """Count a request of a client. Raises ``ProblemError`` if it has sent too many."""
    if wait := clients.wait_for(client):
        text = f"{client.name} may send {client.rate:g} requests a second."
        raise ProblemError(HTTPStatus.TOO_MANY_REQUESTS, "too-many-requests", text, Retry_After=str(math.ceil(wait)))
