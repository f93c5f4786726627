"""Defines the answers of the console, and judges whether a request comes from the console's own pages."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from purger.console.database import Databases
from purger.console.state.image_views import ImageViews
from purger.console.users.access import Visitor
from purger.moderation.subjects import MalformedSubjectError, Subject, parse_subject
from takedown_base.scope import Scope

#: Most bytes of a form: 500 lines of a list, most of them URLs.
LARGEST_FORM = 65_536

#: The policy of all pages: nothing from another host, no script and no style inside of a page, and in no frame.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

#: The policy of a picture that is opened by itself. An SVG has its styles inside.
PICTURE_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox; frame-ancestors 'none'"

#: The headers of each answer, unless it has others.
_HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": _POLICY,
    "Cache-Control": "no-store",
    # With no-referrer browsers would send "Origin: null" with the console's own forms.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer; ``headers`` replace the usual ones."""

    body: bytes
    status: HTTPStatus = HTTPStatus.OK
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: tuple[str, ...] = ()  # values of Set-Cookie

    def head(self) -> list[tuple[str, str]]:
        """Return all headers."""
        cookies = [("Set-Cookie", cookie) for cookie in self.cookies]
        return [*(_HEADERS | dict(self.headers)).items(), *cookies, ("Content-Length", str(len(self.body)))]


class Request(NamedTuple):
    """A visitor's request, and all that pages answer it from."""

    environ: dict[str, Any]
    visitor: Visitor
    databases: Databases
    views: ImageViews

    def query(self, name: str) -> str:
        """Return a parameter of the query. Empty if it has no such parameter."""
        return read_query(self.environ, name)

    def number(self, name: str) -> int | None:
        """Return a parameter of the query that is a whole number, of 18 digits at most. None: it is none."""
        text = self.query(name)
        return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None


def page(text: str, status: HTTPStatus = HTTPStatus.OK) -> Answer:
    """Make an answer of HTML."""
    return Answer(text.encode("utf-8", "replace"), status)


def see_other(path: str) -> Answer:
    """Lead the browser to another page of the console."""
    return Answer(b"", HTTPStatus.SEE_OTHER, {"Location": path})


class RefusedRequestError(Exception):
    """A request is refused; the text is for the user."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


def request_headers(environ: Mapping[str, Any]) -> dict[str, str]:
    """Return the headers of a request, by name in lower case."""
    return {
        key.removeprefix("HTTP_").replace("_", "-").lower(): str(value)
        for key, value in environ.items()
        if key.startswith("HTTP_")
    }


def host_is_ours(host: str | None, origins: Collection[str]) -> bool:
    """Tell whether Host names the console. Another one leads a browser here by a strange site's DNS (rebinding)."""
    return host is not None and host.lower() in {urlsplit(origin).netloc for origin in origins}


def comes_from_us(headers: Mapping[str, str], origins: Collection[str]) -> bool:
    """Tell whether a form was sent by a page of the console: by Sec-Fetch-Site, and by Origin.

    Browsers send one or both of them with each POST; a request with neither is refused. Names are in lower case.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is not None:
        return origin.lower() in origins
    return site == "same-origin"


def read_form(environ: dict[str, Any]) -> dict[str, str]:
    """Read the fields of a form, the first of each name. Raises ``RefusedRequestError``."""
    if environ.get("CONTENT_TYPE", "").partition(";")[0].strip() != "application/x-www-form-urlencoded":
        raise RefusedRequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "This is no form.")
    text = environ.get("CONTENT_LENGTH") or ""
    if not (text.isascii() and text.isdigit()) or int(text) > LARGEST_FORM:
        raise RefusedRequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "The form is too large.")
    content = environ["wsgi.input"].read(int(text)).decode("utf-8", "replace")
    try:
        fields = parse_qs(content, keep_blank_values=True, max_num_fields=20)
    except ValueError:
        raise RefusedRequestError(HTTPStatus.BAD_REQUEST, "The form has too many fields.") from None
    return {name: values[0] for name, values in fields.items()}


def read_query(environ: Mapping[str, Any], name: str) -> str:
    """Return a parameter of a request's query. Empty if it has no such parameter."""
    try:
        return parse_qs(str(environ.get("QUERY_STRING", "")), max_num_fields=20).get(name, [""])[0]
    except ValueError:
        return ""


def read_subject_path(scope: str, key: str) -> Subject:
    """Read the subject in the path of a page. Raises ``RefusedRequestError``."""
    try:
        return parse_subject(Scope(scope), key)
    except MalformedSubjectError as error:
        raise RefusedRequestError(HTTPStatus.NOT_FOUND, str(error)) from None
