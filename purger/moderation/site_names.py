"""Finds the subject that people name by a code, a name or a URL of the site, by the rules of the import and the edges.

A name has its code by the import's rule, and counts only if there is such an image. What a URL leads to is in the map
of the edges (`takedown_urls`), and nowhere else: an edge is asked. So a ban takes what visitors see there, or nothing.
"""

import http.client
import re
from contextlib import closing
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from purger.moderation.bans import count_bans
from purger.moderation.questions import are_known
from purger.moderation.subjects import MalformedSubjectError, Subject, parse_subject, quoted, split_line
from takedown_base.name_codes import code_of_name
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_base.subject_keys import CODE, CODE_ALPHABET, is_key
from takedown_db.connection.lasting_connection import Connection

if TYPE_CHECKING:
    from purger.edge.connection import HttpConnection

#: Seconds that an edge may take to accept a connection, and to answer.
_CONNECT, _ANSWER = 1.0, 2.0

#: Most edges that are asked for one URL, so that a fleet that is away holds nobody up for long.
_MOST_ASKED = 3

_URL = re.compile(r"(?:https?:)?//[^/?#]+|(?=/)", re.IGNORECASE)

#: Matches the URL of an edge's own, which every map leaves as it is: probes use it.
_SERVED = re.compile(rf"/images/({CODE})(?:/[a-z0-9_-]{{1,32}})?(?:\?.*)?", re.DOTALL).fullmatch

#: Characters of a URL that browsers send as they are, beside letters and digits.
_UNCHANGED = "!$%&'()*+,/:;=?@[\\]^|"

_WAY_OUT = "give its code, or the name by which it was imported"


class _Edge(NamedTuple):
    name: str
    connection: "HttpConnection"


class SiteNames:
    """Finds subjects for one thread, over one connection to the database, and one to an edge where URLs are given.

    Every method raises ``MalformedSubjectError`` for a text that names nothing, and ``DatabaseUnavailableError``.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._edges: list[_Edge] | None = None  # those that answered, or were not asked yet; None: before the first URL
        self._failures: list[str] = []

    def line(self, text: str) -> Subject:
        """Find the subject of a line of a list: as ``subject`` does, or ``owner:KEY`` or ``digest:HEX``."""
        return self.subject(*split_line(text))

    def subject(self, scope: Scope, text: str) -> Subject:
        """Find a subject of one scope; that of an image by its code, its name, or a URL or path of the site."""
        if scope is not Scope.IMAGE or is_key(text):
            return parse_subject(scope, text)
        start = _URL.match(text)
        return Subject(scope, self._code_of_url(text, start[0]) if start else self._code_of_name(text))

    def close(self) -> None:
        """Close the connection to an edge."""
        for edge in self._edges or ():
            edge.connection.close()

    def _code_of_name(self, name: str) -> str:
        try:
            code = code_of_name(name)
        except UnicodeEncodeError:
            raise MalformedSubjectError(f"{quoted(name)} is not text in UTF-8") from None
        subject = Subject(Scope.IMAGE, code)
        (known,), (bans,) = are_known(self._connection, [subject]), count_bans(self._connection, [subject])
        if not known and not bans.all:
            raise MalformedSubjectError(
                f"{quoted(name)} is not a code, which is {CODE_ALPHABET} and nothing else, and no image was imported "
                f"by this name, whose code would be {code}. A URL begins with https:// or with /"
            )
        return code

    def _code_of_url(self, url: str, host: str) -> str:
        target = url[len(host) :].partition("#")[0]
        if served := _SERVED(target):
            return served[1]
        if host.startswith("//"):
            host = f"http:{host}"
        # With its host, since a map may tell hosts apart. An edge takes this form (RFC 9112, 3.2.2).
        asked = quote(host, safe=_UNCHANGED) + (quote(target, safe=_UNCHANGED) or "/")
        for edge in self._edges_to_ask()[:_MOST_ASKED]:
            try:
                edge.connection.connect()
                answer = edge.connection.request("OPTIONS", asked, {"User-Agent": "edge-takedown-purger"})
            except (OSError, http.client.HTTPException, ValueError) as error:
                self._drop(edge, str(error) or type(error).__name__)
                continue
            code = answer.headers.get("takedown-code", "")
            if answer.status == http.client.OK and is_key(code):
                return code
            if answer.status == http.client.NOT_FOUND:
                raise MalformedSubjectError(
                    f"{quoted(url)} leads to no image at the edge {printable(edge.name)}: {_WAY_OUT}"
                )
            self._drop(edge, f"answered {answer.status} without a code")
        raise MalformedSubjectError(
            f"no edge says which image {quoted(url)} leads to ({'; '.join(self._failures) or 'there is none'}): "
            f"{_WAY_OUT}"
        )

    def _edges_to_ask(self) -> list[_Edge]:
        if self._edges is None:
            # Here, since these imports take as long as the rest of a command without a URL.
            from purger.edge.connection import HttpConnection
            from purger.edge.credentials import TlsFiles

            self._edges = [
                _Edge(
                    str(name),
                    HttpConnection(
                        str(url), TlsFiles(None, None, None), connect_timeout=_CONNECT, read_timeout=_ANSWER
                    ),
                )
                for name, url in self._connection.rows("public_urls")
            ]
        return self._edges

    def _drop(self, edge: _Edge, why: str) -> None:
        """Ask this edge no more: each further URL of a list would wait for it."""
        edge.connection.close()
        self._edges_to_ask().remove(edge)
        self._failures.append(f"{printable(edge.name)}: {printable(why)}")


def find_subject(connection: Connection, text: str, scope: Scope | None = None) -> Subject:
    """Find the subject that a text names, as ``SiteNames`` does; without ``scope`` as in a line of a list."""
    with closing(SiteNames(connection)) as names:
        return names.line(text) if scope is None else names.subject(scope, text)
