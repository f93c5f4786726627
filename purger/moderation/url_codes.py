"""Asks edges which image each URL of the site leads to, with many questions in flight over one connection.

One after the other, a list of 500 URLs would take 500 times the way to the edge and back.
"""

import asyncio
import http.client
import ssl
from collections import deque
from collections.abc import Awaitable, Sequence
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from purger.edge.channel import Channel, Ended
from purger.edge.connection import Reply
from purger.edge.credentials import CredentialError, TlsFiles
from purger.edge.url import split_url
from purger.edge.wire import encode_lines
from takedown_base.printable import printable
from takedown_base.subject_keys import is_key

#: Seconds that an edge may take to accept a connection, and for each answer.
_CONNECT, _ANSWER = 1.0, 2.0

#: Most questions in flight to one edge: 500 take 20 times the way there and back.
_IN_FLIGHT = 32

#: Characters of a URL that browsers send as they are, beside letters and digits.
_UNCHANGED = "!$%&'()*+,/:;=?@[\\]^|"


#: Answers that are about the one URL, not about the edge.
_REFUSALS = (400, 404, 414, 431)


class PublicEdge(NamedTuple):
    """The name of an edge, the URL of its public listener, and the file of its own authority, if it has one."""

    name: str
    url: str
    ca_file: str | None


class LedTo(NamedTuple):
    """The code that a URL leads to, as ``edge`` says; None if to no image, with the status of the answer."""

    code: str | None
    status: int
    edge: str


class _NoAnswerError(Exception):
    """An edge does not say what the URLs lead to. The message is the reason."""


class UrlCodes:
    """Asks the edges in turn; one that gave no answer is asked no more, as each further URL would wait for it."""

    def __init__(self, edges: Sequence[PublicEdge], most: int) -> None:
        """Ask at most ``most`` of ``edges``, so that a fleet that is away holds nobody up for long."""
        self._edges = list(edges[:most])
        #: The reason of each edge that gave no answer.
        self.failures: list[str] = []

    def find(self, urls: Sequence[tuple[str, str]]) -> list[LedTo | None]:
        """Find where each URL leads, given as its part up to the host, and the rest. None: no edge says it.

        Raises ``UnicodeEncodeError`` for a URL that is not text in UTF-8.
        """
        # With its host, since a map may tell hosts apart. An edge takes this form (RFC 9112, 3.2.2).
        asked = [quote(host, safe=_UNCHANGED) + (quote(rest, safe=_UNCHANGED) or "/") for host, rest in urls]
        found: dict[str, LedTo] = {}
        while self._edges and (left := [url for url in dict.fromkeys(asked) if url not in found]):
            edge = self._edges[0]
            try:
                asyncio.run(_ask(edge, left, found))
            except _NoAnswerError as error:
                self._edges.remove(edge)
                self.failures.append(f"{printable(edge.name)}: {printable(error)}")
        return [found.get(url) for url in asked]


async def _ask(edge: PublicEdge, urls: Sequence[str], found: dict[str, LedTo]) -> None:
    """Ask one edge for all URLs, over a new connection where the last one ended after some answers."""
    left = list(urls)
    while left:
        answered = await _ask_over_one_connection(edge, left, found)
        left = left[answered:]


async def _ask_over_one_connection(edge: PublicEdge, urls: Sequence[str], found: dict[str, LedTo]) -> int:
    """Note the answers until the connection ends, and return their number: at least one.

    The first question goes without others, and each answer lets two more go: to send much to a server that ends each
    connection after an answer could lose that answer.
    """
    channel = Channel(_ANSWER)
    try:
        await _open(channel, edge)
        in_flight = deque([_question(channel, urls[0])])
        for number, url in enumerate(urls):
            reply = await in_flight.popleft() if in_flight else None
            if reply is None:
                return number
            if isinstance(reply, Ended):
                # After an end the rest is asked again; after silence it would be awaited as often as there are URLs.
                if number and not isinstance(reply.cause, TimeoutError):
                    return number
                raise _NoAnswerError(_reason(reply.cause))
            found[url] = _led_to(edge, reply)
            if channel.is_open:
                asked = number + 1 + len(in_flight)
                more = min(2, _IN_FLIGHT - len(in_flight))
                in_flight += [_question(channel, each) for each in urls[asked : asked + more]]
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise _NoAnswerError(_reason(error)) from None
    finally:
        channel.close()
    return len(urls)


async def _open(channel: Channel, edge: PublicEdge) -> None:
    scheme, host, port = split_url(edge.url)
    context = _context(edge.ca_file) if scheme == "https" else None
    await channel.open(host, port, context, shown=urlsplit(edge.url).netloc, timeout=_CONNECT)


def _context(ca_file: str | None) -> ssl.SSLContext:
    """Trust the edge's own authority, too, where its file is there: the machine of a moderator may lack it."""
    try:
        return TlsFiles(ca_file, and_system=True).load()
    except CredentialError:
        return TlsFiles(None).load()


def _question(channel: Channel, url: str) -> Awaitable[Reply | Ended]:
    return channel.send("OPTIONS", encode_lines(f"OPTIONS {url} HTTP/1.1", "User-Agent: edge-takedown-purger"))


def _led_to(edge: PublicEdge, reply: Reply) -> LedTo:
    code = reply.headers.get("takedown-code", "")
    if reply.status == http.client.OK and is_key(code):
        return LedTo(code, reply.status, edge.name)
    if reply.status in _REFUSALS:
        return LedTo(None, reply.status, edge.name)
    raise _NoAnswerError(f"answered {reply.status} without a code")


def _reason(error: Exception) -> str:
    return f"no answer within {_ANSWER:g} s" if isinstance(error, TimeoutError) else str(error) or type(error).__name__
