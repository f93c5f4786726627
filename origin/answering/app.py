"""Serves images as a WSGI application, errors too: Bottle finds the route, ``answers`` decides, ``store`` reads.

What goes wrong becomes an error here, each with its status and text (404 and 416 come from ``answers``).
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import bottle

from origin.answering.answers import Answers, Conditions, ImageAnswer, failure
from origin.answering.lookup import BUDGET, Lookup
from origin.answering.site_verdicts import Question, SiteVerdicts
from origin.answering.special_image import SpecialImage
from origin.metrics_counters import Counters
from origin.model import ORIGINAL, RENDITION, FilePart, Found, FoundContent, Header, SiteUrl
from origin.row_checks import MalformedRecordError
from origin.stores.contract import DamagedFileError, MissingFileError, StoreAwayError, StoredBody
from origin.stores.store import Store
from origin.verdict.content_reader import ContentUnknownError
from takedown_base.http.gateway import BEGAN
from takedown_base.subject_keys import CODE
from takedown_db.connection.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)

Answer = TypeVar("Answer")

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]

#: With \Z, since Bottle ends its patterns with $, which lets a newline through: a second URL for the same image.
_ORIGINAL_PATH = rf"/images/<code:re:{CODE}\Z>"
_RENDITION_PATH = rf"/images/<code:re:{CODE}>/<rendition:re:{RENDITION}\Z>"
_VERDICT_PATH = r"/<:re:verdict\Z>"
_RETRY_AFTER = ("Retry-After", "2")


class _ErasedError(Exception):
    """The bytes of an image whose ban was lifted had been destroyed by ``origin erase``."""


class App:
    """The WSGI application (PEP 3333).

    It uses Bottle's routes and not its response, which drops Last-Modified from a 304, adds a Content-Type where none
    belongs, and drops bytes of a path that are not UTF-8.
    """

    def __init__(
        self,
        lookup: Lookup,
        answers: Answers,
        store: Store,
        special: SpecialImage,
        headers: Sequence[Header] = (),
        *,
        verdicts: SiteVerdicts | None = None,
        counters: Counters | None = None,
    ) -> None:
        """Set up the routes. ``headers`` are added to every answer; ``counters`` count lookups and reads.

        With ``verdicts`` the edge may ask for the verdict on URLs of the site's own server.
        """
        self._counters = counters
        self._headers = list(headers)
        self._lookup = lookup
        self._answers = answers
        self._store = store
        self._special = special
        self._routes = bottle.Bottle(autojson=False)
        self._routes.get(_ORIGINAL_PATH, callback=self._original)
        self._routes.get(_RENDITION_PATH, callback=self._rendition)
        if verdicts:
            self._routes.get(_VERDICT_PATH, callback=partial(self._verdict, verdicts))

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        answer, body = self._respond(environ)
        start_response(answer.status, answer.headers + self._headers)
        return () if environ["REQUEST_METHOD"] == "HEAD" else body

    def _respond(self, environ: Environ) -> tuple[ImageAnswer, Iterable[bytes]]:
        # Bottle would accept the method in small letters, too.
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
        except ContentUnknownError:
            answer = failure(503, "The site's own server could not be read.", _RETRY_AFTER)
        except StoreAwayError:
            answer = failure(503, "The store of the images is unavailable.", _RETRY_AFTER)
        except _ErasedError:
            answer = failure(410, "The image's bytes were erased.")
        except DamagedFileError as error:
            log.error("%s", error)
            answer = failure(500, "The image's file cannot be read.")
        except MalformedRecordError as error:
            log.error("%s", error)
            answer = failure(500, "The image's record is malformed.")
        except Exception:
            log.exception("request for %r failed", environ["PATH_INFO"])
            answer = failure(500, "The request failed.")
        return answer, (answer.text,)

    def _original(self, environ: Environ, code: str) -> ImageAnswer:
        """Answer ``/images/<code>``."""
        return self._decide(environ, code, ORIGINAL)

    def _rendition(self, environ: Environ, code: str, rendition: str) -> ImageAnswer:
        """Answer ``/images/<code>/<rendition>``."""
        if rendition == ORIGINAL:  # its URL is the URL of the image, without a name
            return self._answers.unknown()
        return self._decide(environ, code, rendition)

    def _decide(self, environ: Environ, code: str, rendition: str) -> ImageAnswer:
        get = environ.get
        conditions = Conditions(
            get("HTTP_IF_NONE_MATCH"),
            get("HTTP_IF_MODIFIED_SINCE"),
            get("HTTP_RANGE") if environ["REQUEST_METHOD"] == "GET" else None,
            get("HTTP_IF_RANGE"),
        )
        return self._answers.decide(self.find(code, rendition, environ[BEGAN]), conditions, time.time())

    def _verdict(self, verdicts: SiteVerdicts, environ: Environ) -> ImageAnswer:
        """Answer ``/verdict``: whether the edge may show the URL of the site's that the request's fields name."""
        get = environ.get
        question = Question(
            get("HTTP_TAKEDOWN_HOST", ""),
            get("HTTP_TAKEDOWN_URL", ""),
            get("HTTP_TAKEDOWN_CHANGED_CONTENT") == "1",
            environ[BEGAN],
            get("HTTP_X_FORWARDED_PROTO", ""),
        )
        return verdicts.answer(question, self)

    def find(self, code: str, rendition: str, began: float) -> Found:
        """Look an image up as ``Lookup.find`` does, and count it."""
        return self._counted(lambda: self._lookup.find(code, rendition, began))

    def find_url(self, url: SiteUrl, began: float) -> tuple[Found, FoundContent]:
        """Look a URL of the site's up as ``Lookup.find_url`` does, and count it."""
        return self._counted(lambda: self._lookup.find_url(url, began))

    def _counted(self, look_up: Callable[[], Answer]) -> Answer:
        started = time.monotonic()
        try:
            return look_up()
        finally:
            if self._counters:
                self._counters.looked_up(time.monotonic() - started)

    def _body(self, file: FilePart, environ: Environ) -> Iterable[bytes]:
        """Open the file of an answer. A HEAD opens it too, and so fails on a damaged file as a GET does."""
        if file.digest == self._special.digest:
            return (self._special.body[file.part.start : file.part.start + file.part.length],)
        try:
            body = self._open(file, environ)
        except MissingFileError:
            if self._lookup.was_erased(file.digest, environ[BEGAN]):
                raise _ErasedError from None
            raise
        if environ["REQUEST_METHOD"] == "HEAD":
            body.close()
        return body

    def _open(self, file: FilePart, environ: Environ) -> StoredBody:
        started = time.monotonic()
        try:
            return self._store.open(file, environ["PATH_INFO"], environ[BEGAN] + BUDGET)
        finally:
            if self._counters:
                self._counters.read(time.monotonic() - started)
