"""Answers ``/verdict``: whether the edge may show a URL of the site's own server. Reads its content first."""

import re
import time
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from origin.answering.answers import Answers, ImageAnswer
from origin.answering.lookup import Lookup
from origin.model import ORIGINAL, Found, FoundContent, SiteUrl
from origin.verdict.content_reader import ContentReader, ContentUnknownError, Wanted
from origin.verdict.rules import NoRowError, Rule, find_image
from origin.verdict.sites import FirstSight, Site, find_site
from origin.verdict.url import UnreadableUrlError, read_url

#: Seconds from the arrival of a question for which it waits for the site's server: the lookups that follow have to end
#: before the edge gives up (default.vcl, first_byte_timeout).
_WAIT = 3.0

#: A host and a URL that may be written into a request to the site's server.
_HOST = re.compile(r"[a-z0-9._:\[\]-]{0,255}").fullmatch
_URL = re.compile(r"/[!-~]{0,8191}").fullmatch

#: The only values of X-Forwarded-Proto that are repeated to the site's server: a visitor may write anything there.
_SCHEMES = ("http", "https")

#: Expects no content: the edge may show any answer of the site's server but a 200, at which nobody has looked.
_NO_CONTENT = "none"


class Question(NamedTuple):
    """A question of the edge for the verdict on a URL."""

    host: str
    target: str  # path and query
    changed: bool  # the edge got other content than was recorded
    began: float  # moment of the monotonic clock at which the request arrived
    scheme: str = ""  # of the visitor's request, as the proxy that ended TLS said; empty: it said nothing


class Find(Protocol):
    """Looks up what a verdict needs, in one statement each, as ``Lookup`` does."""

    def find(self, code: str, rendition: str, began: float) -> Found:
        """Look an image up. ``began`` is the moment of the monotonic clock at which the question began."""

    def find_url(self, url: SiteUrl, began: float) -> tuple[Found, FoundContent]:
        """Look up a URL and its image."""


class SiteVerdicts:
    """Gives the verdicts of one process, by the site's rules."""

    def __init__(
        self, lookup: Lookup, answers: Answers, rules: Sequence[Rule], sites: Sequence[Site], *, threads: int
    ) -> None:
        """Start reading, if a site has a server. Half of the server's ``threads`` may wait for one that is slow."""
        self._lookup = lookup
        self._ask = lookup.ask_site
        self._answers = answers
        self._rules = rules
        self._sites = sites
        self._reads = any(site.first_sight is not FirstSight.NEVER for site in sites)
        self._reader = ContentReader(lookup.record, waiting=max(1, threads // 2)) if self._reads else None

    def answer(self, question: Question, find: Find) -> ImageAnswer:
        """Answer a question. Raises as ``Lookup.find``, and ``ContentUnknownError``."""
        try:
            read = read_url(question.host, question.target)
            image = find_image(self._rules, read, lambda query, values: self._ask(query, values, question.began))
            if image is None:
                return self._answers.unruled("none")
            site = self._site(read.host)
        except NoRowError:
            return self._answers.unruled("unreadable", brief=True)
        except UnreadableUrlError:
            return self._answers.unruled("unreadable")
        if self._reader is None:
            return self._answers.verdict(find.find(image.code, ORIGINAL, question.began), image.code, time.time())
        url = SiteUrl(question.host.lower(), question.target, image.code)
        if not (_HOST(url.host) and _URL(url.url)):
            return self._answers.unruled("unreadable")
        found, expect = self._look_at_content(question, url, site, find)
        return self._answers.verdict(found, image.code, time.time(), expect)

    def _site(self, host: str) -> Site | None:
        """Return the site with a host. Raises ``UnreadableUrlError`` for another host than the file's.

        Visitors may make up hosts, and the site's server may answer them: then nobody would look at the content.
        """
        site = find_site(self._sites, host)
        if site is None and self._sites:
            raise UnreadableUrlError("no site has this host")
        return site

    def _look_at_content(
        self, question: Question, url: SiteUrl, site: Site | None, find: Find
    ) -> tuple[Found, str | None]:
        """Look a URL up, and have content that is unknown or changed read; with Takedown-Expect."""
        found, recorded = find.find_url(url, question.began)
        expect = None if question.changed else _expectation(recorded)
        unread = not found.banned and (question.changed or recorded.digest is None)
        if unread and site is not None and site.server is not None and self._reader is not None:
            scheme = question.scheme if question.scheme in _SCHEMES else ""
            wanted = Wanted(site.server, url, scheme, recorded.digest)
            if site.first_sight is FirstSight.AFTER:
                self._reader.begin(wanted)
            elif site.first_sight is FirstSight.BEFORE:
                content = self._reader.wait(wanted, question.began + _WAIT)
                # Bans that came meanwhile have to be seen, and the edge compares the purges that this lookup has seen.
                found, recorded = find.find_url(url, time.monotonic())
                expect = _NO_CONTENT if isinstance(content, int) else _expectation(recorded)
                if isinstance(content, int) and question.changed:
                    self._reader.differs(wanted, content)
                if expect is None:
                    raise ContentUnknownError("the record was overtaken by others of the same image")
        # An edge has one digest for each object. Of an image that was imported it stays that of the original: a ban of
        # the URL's own content purges the code (`number_invalidations`).
        return found._replace(original=found.original or recorded.content), expect


def _expectation(recorded: FoundContent) -> str | None:
    """Write the recorded content in the form of Takedown-Expect; None without a record."""
    if recorded.digest is None:
        return None
    return f"length={recorded.length}|etag={recorded.etag}|last-modified={recorded.last_modified}"
