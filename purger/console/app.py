"""Answers the requests of the console as a WSGI application: guards them, and leads each to its page."""

import logging
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any

import bottle

from purger.console import history_page, list_pages, moderation_pages, subject_pages
from purger.console.database import Databases
from purger.console.overview_page import OverviewPage
from purger.console.sign_in_pages import SignInPages
from purger.console.state.image_views import ImageViews
from purger.console.templating import render, static_files
from purger.console.users.access import Access, Visitor
from purger.console.web import (
    PICTURE_POLICY,
    Answer,
    RefusedRequestError,
    Request,
    comes_from_us,
    host_is_ours,
    page,
    request_headers,
    see_other,
)
from takedown_base.printable import printable
from takedown_db.connection.errors import DatabaseUnavailableError

log = logging.getLogger(__name__)

Environ = dict[str, Any]
StartResponse = Callable[[str, list[tuple[str, str]]], object]

#: Seconds for which browsers keep static files, whose URLs change with their content.
_YEAR = 365 * 86_400


class ConsoleApp:
    """The WSGI application (PEP 3333); for several threads. ``origins`` is set by the listener, who knows the port."""

    def __init__(self, access: Access, overview: OverviewPage, databases: Databases, views: ImageViews) -> None:
        self.origins: frozenset[str] = frozenset()
        self._access = access
        self._signing = SignInPages(access)
        self._databases = databases
        self._views = views
        routes = self._routes = bottle.Bottle()
        subject = r"<scope:re:image|owner|digest>/<key:re:[A-Za-z0-9_-]{1,64}>"
        for path, show in (
            ("/", overview.show),
            ("/part/overview", overview.show_part),
            ("/search", subject_pages.search),
            ("/takedowns", history_page.show),
            ("/list", list_pages.ask),
            (f"/{subject}", subject_pages.show),
            (f"/part/{subject}", subject_pages.show_part),
            ("/part/views/<code:re:[A-Za-z0-9_-]{1,64}>", subject_pages.show_views),
            ("/picture/<digest:re:[0-9a-f]{64}>", self._picture),
            (f"/<action:re:ban|lift|purge>/{subject}", moderation_pages.confirm),
        ):
            routes.get(path, callback=show)
        for path, act in (
            (f"/<action:re:ban|lift|purge>/{subject}", moderation_pages.carry_out),
            ("/list", list_pages.check),
            ("/list/carry-out", list_pages.carry_out),
            ("/sign-out", self._signing.sign_out),
        ):
            routes.post(path, callback=act)

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        """Answer one request."""
        answer = self._respond(environ)
        start_response(f"{answer.status.value} {answer.status.phrase}", answer.head())
        return () if environ["REQUEST_METHOD"] == "HEAD" else (answer.body,)

    def _respond(self, environ: Environ) -> Answer:
        visitor = None
        try:
            self._guard(environ)
            if (static := _static(environ["PATH_INFO"])) is not None:
                return static
            visitor = self._access.visitor(request_headers(environ), self._signing.cookie(environ))
            return self._for_visitor(environ, visitor)
        except RefusedRequestError as error:
            return _problem(visitor, error.status, str(error))
        except DatabaseUnavailableError as error:
            return _problem(visitor, HTTPStatus.SERVICE_UNAVAILABLE, f"The database cannot be used: {error}")
        except Exception:
            log.exception("console: the request for %s failed", printable(environ.get("PATH_INFO", "")))
            return _problem(visitor, HTTPStatus.INTERNAL_SERVER_ERROR, "The console failed; the purger's log says why.")

    def _guard(self, environ: Environ) -> None:
        """Refuse requests that no page of the console has sent. Raises ``RefusedRequestError``."""
        headers = request_headers(environ)
        if not host_is_ours(headers.get("host"), self.origins):
            known = ", ".join(sorted(self.origins))
            raise RefusedRequestError(HTTPStatus.MISDIRECTED_REQUEST, f"The console is at {known} (--console-url).")
        method = environ["REQUEST_METHOD"]
        if method not in ("GET", "HEAD", "POST"):
            raise RefusedRequestError(HTTPStatus.METHOD_NOT_ALLOWED, "GET, HEAD and POST are answered.")
        if method == "POST" and not comes_from_us(headers, self.origins):
            raise RefusedRequestError(HTTPStatus.FORBIDDEN, "The form was not sent by a page of this console.")

    def _for_visitor(self, environ: Environ, visitor: Visitor | None) -> Answer:
        if environ["PATH_INFO"] == "/sign-in":
            return self._signing.answer(environ, visitor)
        if visitor is None:
            return self._signing.ask(environ)
        try:
            route, names = self._routes.match(environ)
        except bottle.HTTPError as error:
            raise RefusedRequestError(HTTPStatus(error.status_code), "There is no such page.") from None
        answer: Answer = route.call(Request(environ, visitor, self._databases, self._views), **names)
        if visitor.cookie is None or answer.cookies:
            return answer
        return Answer(answer.body, answer.status, answer.headers, (self._access.set_cookie(visitor.cookie),))

    def _picture(self, request: Request, digest: str) -> Answer:
        """Answer with a picture that a page of this console has just shown."""
        picture = request.views.pictures.find(digest)
        if picture is None:
            raise RefusedRequestError(HTTPStatus.NOT_FOUND, "The picture is kept no longer: load its page again.")
        headers = {"Content-Type": picture.content_type, "Content-Security-Policy": PICTURE_POLICY}
        return Answer(picture.content, headers=headers)


def _static(path: str) -> Answer | None:
    """Answer for a static file, also without sign-in."""
    if path == "/favicon.ico":
        return see_other(static_files()["icon.svg"].url)
    for file in static_files().values():
        if path == file.url:
            kept = f"public, max-age={_YEAR}, immutable"
            return Answer(file.content, headers={"Content-Type": file.content_type, "Cache-Control": kept})
    return None


def _problem(visitor: Visitor | None, status: HTTPStatus, text: str) -> Answer:
    return page(render("problem", visitor=visitor, title=status.phrase, text=text), status)
