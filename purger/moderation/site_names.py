"""Finds the subject that people name by a code, a name or a URL of the site, by the rules of the import and the edges.

A name has its code by the import's rule, and counts only if there is such an image. What a URL leads to is in the map
of the edges (`takedown_urls`), and nowhere else: an edge is asked. So a ban takes what visitors see there, or nothing.
"""

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import TYPE_CHECKING, NamedTuple, TypeGuard

from purger.moderation.bans import count_bans
from purger.moderation.questions import are_known, contents_of
from purger.moderation.subjects import (
    MalformedSubjectError,
    NoEdgeAnswersError,
    Subject,
    parse_subject,
    quoted,
    split_line,
)
from takedown_base.name_codes import code_of_name
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_base.subject_keys import CODE, CODE_ALPHABET, is_key
from takedown_db.connection.lasting_connection import Connection

if TYPE_CHECKING:
    from purger.moderation.url_codes import LedTo, UrlCodes

#: Most edges that are asked, so that a fleet that is away holds nobody up for long.
_MOST_ASKED = 3

_URL = re.compile(r"(?:https?:)?//[^/?#]+|(?=/)", re.IGNORECASE)

#: Matches the URL of an edge's own, which every map leaves as it is: probes use it.
_SERVED = re.compile(rf"/images/({CODE})(?:/[a-z0-9_-]{{1,32}})?(?:\?.*)?", re.DOTALL).fullmatch

_WAY_OUT = "give its code, or the name by which it was imported"

#: The subject that a text names, or the reason why it names none.
Found = Subject | MalformedSubjectError


class _Url(NamedTuple):
    """A URL whose code only an edge knows: the text, its part up to the host, and the rest without a fragment."""

    text: str
    host: str
    rest: str


class _Name(NamedTuple):
    """A name, with the code that the import gives it. Only the database knows whether there is such an image."""

    text: str
    code: str


class SiteNames:
    """Finds subjects over one connection to the database, and one to an edge where URLs are given.

    Every method raises ``DatabaseUnavailableError``.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._codes: UrlCodes | None = None

    def lines(self, texts: Sequence[str]) -> list[Found]:
        """Find the subject of each line of a list: as ``subjects`` does, or ``owner:KEY`` or ``digest:HEX``."""
        return self.subjects([split_line(text) for text in texts])

    def subjects(self, wanted: Sequence[tuple[Scope, str]]) -> list[Found]:
        """Find each subject, by its scope and text; that of an image by its code, its name, or a URL or path.

        All of them together: one after the other, each would take the way to the database or to an edge and back.
        """
        read = [_read(scope, text) for scope, text in wanted]
        found = self._of_names([each for each in read if isinstance(each, _Name)])
        found |= self._of_urls([each for each in read if isinstance(each, _Url)])
        subjects = [found[each] if isinstance(each, _Name | _Url) else each for each in read]
        contents = iter(contents_of(self._connection, [each for each in subjects if _is_digest(each)]))
        return [next(contents) if _is_digest(each) else each for each in subjects]

    def _of_names(self, names: Sequence[_Name]) -> "dict[_Name | _Url, Found]":
        """Take names for images that were imported by them or that are banned."""
        if not names:
            return {}
        subjects = [Subject(Scope.IMAGE, name.code) for name in names]
        known, bans = are_known(self._connection, subjects), count_bans(self._connection, subjects)
        return {
            name: subject if is_known or count.all else _no_name(name)
            for name, subject, is_known, count in zip(names, subjects, known, bans, strict=True)
        }

    def _of_urls(self, urls: Sequence[_Url]) -> "dict[_Name | _Url, Found]":
        if not urls:
            return {}
        codes = self._url_codes()
        answers = codes.find([(url.host, url.rest) for url in urls])
        failures = "; ".join(codes.failures) or "there is none"
        return {url: _led_to(url, answer, failures) for url, answer in zip(urls, answers, strict=True)}

    def _url_codes(self) -> "UrlCodes":
        if self._codes is None:
            # Here, since these imports take as long as the rest of a command without a URL.
            from purger.moderation.url_codes import PublicEdge, UrlCodes

            edges = [PublicEdge(*row) for row in self._connection.rows("public_urls")]
            self._codes = UrlCodes(edges, _MOST_ASKED)
        return self._codes


def find_subject(connection: Connection, text: str, scope: Scope | None = None) -> Subject:
    """Find the subject that a text names, as ``SiteNames`` does; without ``scope`` as in a line of a list.

    Raises ``MalformedSubjectError`` for a text that names nothing, and ``DatabaseUnavailableError``.
    """
    (found,) = SiteNames(connection).subjects([split_line(text) if scope is None else (scope, text)])
    if isinstance(found, MalformedSubjectError):
        raise found
    return found


def _read(scope: Scope, text: str) -> Found | _Name | _Url:
    """Read a text as far as nobody has to be asked."""
    try:
        if scope is not Scope.IMAGE or is_key(text):
            return parse_subject(scope, text)
        name = _Name(text, code_of_name(text))  # of a URL, too: it refuses what is no text
    except UnicodeEncodeError:
        return MalformedSubjectError(f"{quoted(text)} is not text in UTF-8")
    except MalformedSubjectError as error:
        return error
    if not (start := _URL.match(text)):
        return name
    host = start[0]
    rest = text[len(host) :].partition("#")[0]
    if served := _SERVED(rest):
        return Subject(scope, served[1])
    return _Url(text, f"http:{host}" if host.startswith("//") else host, rest)


def _is_digest(found: Found) -> TypeGuard[Subject]:
    return isinstance(found, Subject) and found.scope is Scope.DIGEST


def _no_name(name: _Name) -> MalformedSubjectError:
    return MalformedSubjectError(
        f"{quoted(name.text)} is not a code, which is {CODE_ALPHABET} and nothing else, and no image was imported "
        f"by this name, whose code would be {name.code}. A URL begins with https:// or with /"
    )


def _led_to(url: _Url, answer: "LedTo | None", failures: str) -> Found:
    text = quoted(url.text)
    if answer is None:
        return NoEdgeAnswersError(f"no edge says which image {text} leads to ({failures}): {_WAY_OUT}")
    if answer.code is None:
        refusal = "leads to no image at" if answer.status == HTTPStatus.NOT_FOUND else "is no URL for"
        return MalformedSubjectError(f"{text} {refusal} the edge {printable(answer.edge)}: {_WAY_OUT}")
    return Subject(Scope.IMAGE, answer.code)
