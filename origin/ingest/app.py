"""Answers uploads and questions for verdicts as a WSGI application: Bottle finds the route, ``Uploads`` works."""

import json
import logging
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import bottle

from origin.importing.decoder_process import NoPictureError
from origin.importing.rules import Stability, parse_moment
from origin.importing.sources import RefusedFileError
from origin.ingest.body import BodyError, SlowBodyError, received
from origin.ingest.tokens import Tokens
from origin.ingest.uploads import BannedError, ForeignError, Upload, Uploads
from origin.stores.contract import StoreAwayError
from takedown_base.printable import printable
from takedown_base.subject_keys import CODE_ALPHABET, is_key
from takedown_db.connection.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]

_RETRY_AFTER = ("Retry-After", "2")


class _Answer(NamedTuple):
    status: HTTPStatus
    content: Mapping[str, object]
    headers: tuple[tuple[str, str], ...] = ()


class _RefusalError(Exception):
    """A request is refused; ``answer`` says why."""

    def __init__(self, status: HTTPStatus, text: str, *headers: tuple[str, str]) -> None:
        super().__init__(text)
        self.answer = _Answer(status, {"error": text}, headers)


class IngestApp:
    """The WSGI application (PEP 3333). Each answer is JSON."""

    def __init__(self, uploads: Uploads, tokens: Tokens, *, max_bytes: int, body_time: float) -> None:
        """Set up the routes. ``body_time`` is the longest time of a body, in seconds."""
        self._uploads = uploads
        self._tokens = tokens
        self._max_bytes = max_bytes
        self._body_time = body_time
        self._routes = bottle.Bottle()
        self._routes.put("/images/<code>", callback=self._put)
        self._routes.get(r"/verdict/<name:re:(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})\Z>", callback=self._verdict)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        answer = self._respond(environ)
        body = json.dumps(answer.content).encode() + b"\n"
        fixed = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
        ]
        start_response(f"{answer.status.value} {answer.status.phrase}", [*fixed, *answer.headers])
        return () if environ["REQUEST_METHOD"] == "HEAD" else (body,)

    def _respond(self, environ: Environ) -> _Answer:
        try:
            self._check_token(environ)
            return self._route(environ)
        except _RefusalError as refused:
            return refused.answer
        except BannedError as error:
            log.info("refused an upload for %s: %s", printable(environ["PATH_INFO"]), error)
            content = {"error": "This content, code or owner is banned.", "digest": error.digest, "bans": error.bans}
            return _Answer(HTTPStatus.UNAVAILABLE_FOR_LEGAL_REASONS, content)
        except ForeignError:
            text = "The code belongs to an image of another owner: Takedown-Move: 1 would take it over."
            return _Answer(HTTPStatus.CONFLICT, {"error": text})
        except DatabaseUnavailableError as error:
            log.error("the database is unavailable: %s", error)
            return _Answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "The database is unavailable."}, (_RETRY_AFTER,))
        except (OSError, StoreAwayError) as error:
            log.error("the store is unavailable: %s", error)
            return _Answer(HTTPStatus.SERVICE_UNAVAILABLE, {"error": "The store is unavailable."}, (_RETRY_AFTER,))
        except Exception:
            log.exception("request for %r failed", environ["PATH_INFO"])
            return _Answer(HTTPStatus.INTERNAL_SERVER_ERROR, {"error": "The request failed."})

    def _check_token(self, environ: Environ) -> None:
        """Refuse a request without a valid token before anything else of it is looked at."""
        authorization = environ.get("HTTP_AUTHORIZATION")
        if authorization is None:
            challenge = ("WWW-Authenticate", "Bearer")
            raise _RefusalError(HTTPStatus.UNAUTHORIZED, "Authorization: Bearer TOKEN is missing.", challenge)
        if not self._tokens.accept(authorization):
            raise _RefusalError(HTTPStatus.FORBIDDEN, "Authorization is not Bearer and a token of this listener.")

    def _route(self, environ: Environ) -> _Answer:
        # Bottle would accept the method in small letters, and HEAD for GET.
        method = environ["REQUEST_METHOD"]
        try:
            if method not in ("PUT", "GET"):
                raise _RefusalError(HTTPStatus.METHOD_NOT_ALLOWED, "PUT and GET are answered.", ("Allow", "GET, PUT"))
            route, names = self._routes.match(environ)
        except bottle.HTTPError as error:
            if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
                allowed = ("Allow", "GET" if method == "PUT" else "PUT")
                raise _RefusalError(HTTPStatus.METHOD_NOT_ALLOWED, f"{method} is not answered.", allowed) from None
            text = "PUT /images/CODE and GET /verdict/HASH (a SHA-256, SHA-1 or MD5 in small hex) are answered."
            raise _RefusalError(HTTPStatus.NOT_FOUND, text) from None
        answer: _Answer = route.call(environ, **names)
        return answer

    def _verdict(self, environ: Environ, name: str) -> _Answer:  # noqa: ARG002 (Bottle's routes have it)
        """Answer ``GET /verdict/<hash>``: whether images with this content are banned."""
        bans = self._uploads.bans_of(name)
        return _Answer(HTTPStatus.OK, {"digest": name, "banned": bool(bans), "bans": bans})

    def _put(self, environ: Environ, code: str) -> _Answer:
        """Answer ``PUT /images/<code>``."""
        upload = _head(environ, code)
        length = self._length(environ)
        self._uploads.check(upload)
        try:
            with received(environ["wsgi.input"], self._body_time) as file:
                taken = self._uploads.take(upload, file)
        except SlowBodyError as error:
            raise _RefusalError(HTTPStatus.REQUEST_TIMEOUT, str(error)) from None
        except BodyError as error:
            raise _RefusalError(HTTPStatus.BAD_REQUEST, str(error)) from None
        except NoPictureError as error:
            raise _RefusalError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"The body of {length} bytes is {error}.") from None
        except RefusedFileError as error:
            raise _RefusalError(HTTPStatus.UNPROCESSABLE_ENTITY, f"The picture cannot be taken: {error}.") from None
        content = {"code": code, "digest": taken.digest, "changed": taken.changed, "bans": []}
        return _Answer(HTTPStatus.CREATED if taken.new else HTTPStatus.OK, content)

    def _length(self, environ: Environ) -> int:
        """Check the length of a body before any of it is read."""
        text = environ.get("CONTENT_LENGTH") or None
        if text is None:
            raise _RefusalError(HTTPStatus.LENGTH_REQUIRED, "Content-Length is missing.")
        length = int(text)  # the server has read its digits
        if length > self._max_bytes:
            text = f"{length} bytes, more than {self._max_bytes}: a larger --max-bytes would take it."
            raise _RefusalError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, text)
        return length


def _head(environ: Environ, code: str) -> Upload:
    """Check the head of an upload."""
    if not is_key(code):
        raise _RefusalError(HTTPStatus.BAD_REQUEST, f"The code in the path is not {CODE_ALPHABET}.")
    owner = environ.get("HTTP_TAKEDOWN_OWNER", "")
    if not is_key(owner):
        raise _RefusalError(HTTPStatus.BAD_REQUEST, f"Takedown-Owner is missing, or not {CODE_ALPHABET}.")
    move = environ.get("HTTP_TAKEDOWN_MOVE")
    if move not in (None, "1"):
        raise _RefusalError(HTTPStatus.BAD_REQUEST, "Takedown-Move can only be 1.")
    stable_until = environ.get("HTTP_TAKEDOWN_STABLE_UNTIL")
    try:
        until = None if stable_until in (None, "none") else parse_moment(stable_until)
    except ValueError as error:
        raise _RefusalError(HTTPStatus.BAD_REQUEST, f"Takedown-Stable-Until: {error}, and not none.") from None
    return Upload(code, owner, Stability(change=stable_until is not None, until=until), move is not None)
