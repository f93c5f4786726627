"""The WSGI application: Bottle finds the route, ``answers`` decides, the store gives the bytes."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import bottle

from origin.answers import Answer, Answers, Conditions, Header, failure
from origin.lookup import Lookup
from origin.model import FilePart
from origin.renditions import ORIGINAL, RENDITION
from origin.row_checks import MalformedRowError
from origin.special_image import SpecialImage
from origin.store import DamagedFileError, Store
from takedown_db.codes import CODE
from takedown_db.errors import DatabaseUnavailableError

logger = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]

# \Z, since Bottle ends its patterns with $, which lets a trailing newline through: a second URL for the same image.
_ORIGINAL_PATH = rf"/images/<code:re:{CODE}\Z>"
_RENDITION_PATH = rf"/images/<code:re:{CODE}>/<rendition:re:{RENDITION}\Z>"
_RETRY_AFTER = ("Retry-After", "2")
# Of the WSGI environment: when the request's first bytes arrived, in seconds of the monotonic clock.
BEGAN = "takedown.began"


class App:
    """The origin, as WSGI servers call it (PEP 3333).

    Bottle's routes are used and its response is not: that drops Last-Modified from a 304, puts a Content-Type where
    none belongs, and lets bytes of a path that are not UTF-8 disappear.
    """

    def __init__(
        self, lookup: Lookup, answers: Answers, store: Store, special: SpecialImage, headers: Sequence[Header] = ()
    ):
        """``headers`` stand on every answer besides its own."""
        self._headers = list(headers)
        self._lookup = lookup
        self._answers = answers
        self._store = store
        self._special = special
        self._routes = bottle.Bottle()
        self._routes.get(_ORIGINAL_PATH, callback=self._original)
        self._routes.get(_RENDITION_PATH, callback=self._rendition)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        answer, body = self._respond(environ)
        start_response(answer.status, answer.headers + self._headers)
        return () if environ["REQUEST_METHOD"] == "HEAD" else body

    def _respond(self, environ: Environ) -> tuple[Answer, Iterable[bytes]]:
        # Here and not by Bottle, which knows of no difference between get and GET.
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            answer = failure(405, "Only GET and HEAD are answered here.", ("Allow", "GET, HEAD"))
            return answer, (answer.text,)
        try:
            route, names = self._routes.match(environ)
            answer = route.call(environ, **names)
            return answer, (answer.text,) if answer.file is None else self._body(answer.file, environ)
        except bottle.HTTPError:
            answer = self._answers.unknown()
        except DatabaseUnavailableError:
            answer = failure(503, "The database is unavailable.", _RETRY_AFTER)
        except DamagedFileError as error:
            logger.error("%s", error)
            answer = failure(500, "The image's file cannot be read.")
        except MalformedRowError as error:
            logger.error("%s", error)
            answer = failure(500, "The image's record is malformed.")
        except Exception:
            logger.exception("request for %r failed", environ["PATH_INFO"])
            answer = failure(500, "The request failed.")
        return answer, (answer.text,)

    def _original(self, environ: Environ, code: str) -> Answer:
        """``/images/<code>``."""
        return self._decide(environ, code, ORIGINAL)

    def _rendition(self, environ: Environ, code: str, rendition: str) -> Answer:
        """``/images/<code>/<rendition>``."""
        if rendition == ORIGINAL:  # which has its URL already
            return self._answers.unknown()
        return self._decide(environ, code, rendition)

    def _decide(self, environ: Environ, code: str, rendition: str) -> Answer:
        get = environ.get
        conditions = Conditions(
            get("HTTP_IF_NONE_MATCH"),
            get("HTTP_IF_MODIFIED_SINCE"),
            get("HTTP_RANGE") if environ["REQUEST_METHOD"] == "GET" else None,
            get("HTTP_IF_RANGE"),
            get("HTTP_IF_MATCH"),
            get("HTTP_IF_UNMODIFIED_SINCE"),
        )
        return self._answers.decide(self._lookup.find(code, rendition, environ[BEGAN]), conditions, time.time())

    def _body(self, file: FilePart, environ: Environ) -> Iterable[bytes]:
        """Open what the answer shows. A HEAD opens it too, so that it tells of a damaged file as a GET does."""
        if file.digest == self._special.digest:
            return (self._special.body[file.part.start : file.part.start + file.part.length],)
        body = self._store.open(file, environ["PATH_INFO"])
        if environ["REQUEST_METHOD"] == "HEAD":
            body.close()
        return body
