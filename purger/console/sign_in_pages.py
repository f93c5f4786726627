"""Answers sign-in and sign-out."""

from http import HTTPStatus
from typing import Any
from urllib.parse import urlencode

from purger.console.templating import render
from purger.console.users.access import Access, SignInError, Visitor
from purger.console.web import Answer, RefusedRequestError, Request, page, read_form, read_query, see_other

#: The header that the console's script sends.
_PART = "HTTP_X_REQUESTED_WITH"


def require_token(form: dict[str, str], visitor: Visitor) -> None:
    """Raise ``RefusedRequestError`` for a form without the token of the visitor's session."""
    if not visitor.session.accepts(form.get("token", "")):
        raise RefusedRequestError(HTTPStatus.FORBIDDEN, "The form is of another session: load the page again.")


class SignInPages:
    """The pages of ``/sign-in`` and ``/sign-out``."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def cookie(self, environ: dict[str, Any], name: str | None = None) -> str | None:
        """Return a cookie of a request, by default the session's."""
        name = name or self._access.cookie_name
        # The standard library's parser gives up at a malformed cookie of another program on the same host.
        pairs = (part.strip().partition("=") for part in str(environ.get("HTTP_COOKIE", "")).split(";"))
        return next((value for each, _, value in pairs if each == name), None)

    def ask(self, environ: dict[str, Any]) -> Answer:
        """Ask for a sign-in, and come back to the page afterwards."""
        if self._access.by_proxy:
            return self._page("The proxy in front names no user that this console knows.", HTTPStatus.FORBIDDEN, "/")
        if environ["REQUEST_METHOD"] == "POST" or _PART in environ or environ["PATH_INFO"].startswith("/part/"):
            return self._page("", HTTPStatus.UNAUTHORIZED, "/")
        wanted = environ["PATH_INFO"] + (f"?{environ['QUERY_STRING']}" if environ.get("QUERY_STRING") else "")
        return see_other("/sign-in" + ("" if wanted == "/" else "?" + urlencode({"to": wanted})))

    def answer(self, environ: dict[str, Any], visitor: Visitor | None) -> Answer:
        """Answer ``/sign-in``."""
        if environ["REQUEST_METHOD"] != "POST":
            to = _own_path(read_query(environ, "to"))
            return see_other(to) if visitor else self._page("", HTTPStatus.OK, to)
        form = read_form(environ)
        to = _own_path(form.get("to", "/"))
        try:
            address, device = environ.get("REMOTE_ADDR", ""), self.cookie(environ, self._access.device_name)
            name, password = form.get("name", "").strip(), form.get("password", "")
            signed_in = self._access.sign_in(name, password, address, device)
        except SignInError as error:
            answer = self._page(str(error), error.status, to, name)
            waits = {"Retry-After": f"{error.wait:.0f}"} if error.wait else {}
            return Answer(answer.body, answer.status, waits)
        if former := self.cookie(environ):
            self._access.sign_out(former)
        cookies = (self._access.set_device(signed_in.user), self._access.set_cookie(signed_in.cookie or ""))
        return Answer(b"", HTTPStatus.SEE_OTHER, {"Location": to}, cookies)

    def sign_out(self, request: Request) -> Answer:
        """Answer ``POST /sign-out``."""
        require_token(read_form(request.environ), request.visitor)
        self._access.sign_out(self.cookie(request.environ) or "")
        return Answer(b"", HTTPStatus.SEE_OTHER, {"Location": "/sign-in"}, (self._access.set_cookie("", 0),))

    def _page(self, problem: str, status: HTTPStatus, to: str, name: str = "") -> Answer:
        values = {"problem": problem, "to": to, "name": name[:64], "by_proxy": self._access.by_proxy}
        return page(render("sign_in", visitor=None, **values), status)


def _own_path(path: str) -> str:
    """Return a path of this console, and / for anything that a browser could take for another site."""
    own = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable() and path.isascii()
    return path if own and "\\" not in path and " " not in path else "/"
