"""Reads what a site's own server has under a URL, and has its content recorded.

A few threads read, so that a slow server holds up few requests. Each URL is read once at a time, whoever asks for it,
and to its end, even if nobody waits any longer: the next request then finds the record. Only who has seen a newer
record has it read anew: the reading that goes on may be of older bytes.
"""

import http.client
import logging
import queue
import threading
import time
from collections.abc import Callable
from typing import NamedTuple

from origin.model import Content, SiteUrl
from origin.row_checks import is_validator
from takedown_base.content_names import Hashes
from takedown_base.listen_address import Address
from takedown_base.printable import printable

log = logging.getLogger(__name__)

#: Threads that read. A site's server can make a few thumbnails at a time.
_READERS = 4

#: URLs that may wait for one of them, or be read.
_QUEUE = 100

#: Seconds to connect; seconds without progress; seconds for a whole answer.
_CONNECT, _STALL, _LONGEST = 2.0, 10.0, 60.0

#: Bytes of the largest file that is read.
_LARGEST = 1 << 30

#: Bytes that are read at a time.
_PART = 1 << 16

#: Seconds without the end of a reading after which a request no longer waits, if many do already.
_STUCK = 1.0

#: Seconds between two log lines.
_LOG_INTERVAL = 60.0


class ContentUnknownError(Exception):
    """The content of a URL is not known yet. The message says why."""


#: Names this program to sites whose servers refuse requests that name none.
_USER_AGENT = "edge-takedown"


def read_content(server: Address, url: SiteUrl, scheme: str = "") -> Content | int:
    """Read a URL of a server once, with a plain GET; returns the status where it is not 200.

    ``scheme`` is what the proxy that ends TLS said of the visitor's request: a server that sends visitors from http to
    https would send the origin there, too. No redirect is followed: only this server is ever asked. Raises
    ``ContentUnknownError``.
    """
    end = time.monotonic() + _LONGEST
    connection = http.client.HTTPConnection(server.host, server.port, timeout=_CONNECT)
    try:
        connection.connect()
        connection.sock.settimeout(_STALL)
        connection.putrequest("GET", url.url, skip_host=True, skip_accept_encoding=True)
        connection.putheader("Host", url.host)
        connection.putheader("User-Agent", _USER_AGENT)
        if scheme:
            connection.putheader("X-Forwarded-Proto", scheme)
        connection.putheader("Connection", "close")
        connection.endheaders()
        answer = connection.getresponse()
        return _content(answer, end) if answer.status == http.client.OK else answer.status
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise ContentUnknownError(str(error) or type(error).__name__) from error
    finally:
        connection.close()


def _content(answer: http.client.HTTPResponse, end: float) -> Content:
    """Read a body until ``end``, a moment of the monotonic clock."""
    etag, last_modified = (_first(answer, name) for name in ("ETag", "Last-Modified"))
    hashes, length = Hashes(), 0
    while part := answer.read1(_PART):
        hashes.update(part)
        length += len(part)
        if length + (answer.length or 0) > _LARGEST:
            raise ContentUnknownError(f"the file has more than {_LARGEST} bytes")
        if time.monotonic() > end:
            raise ContentUnknownError(f"the answer had no end within {_LONGEST:g} s")
    if answer.length:
        raise ContentUnknownError("the answer broke off")
    names = hashes.names()  # only decoders of imports open pictures, to take their metadata out
    return Content(names.sha256, length, etag, last_modified, names)


def _first(answer: http.client.HTTPResponse, name: str) -> str:
    """Return a validator as the edge reads it: the first line, without spaces around it."""
    value = (answer.headers.get_all(name) or [""])[0].strip(" \t")
    if not is_validator(value):
        raise ContentUnknownError(f"its {name} has more than 255 characters, or others than ASCII")
    return value


class Wanted(NamedTuple):
    """A URL to read, and from where."""

    server: Address
    url: SiteUrl
    scheme: str = ""  # of the visitor's request, as in ``read_content``
    before: str | None = None  # the digest that was recorded when it was asked for


class _Reading:
    """A reading that was asked for, and its result."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.content: Content | int = 0
        self.error: ContentUnknownError | None = None


class ContentReader:
    """Reads URLs of sites' servers for many threads."""

    def __init__(self, record: Callable[[SiteUrl, Content, str | None], object], *, waiting: int) -> None:
        """Start the threads. ``record`` is called with what was read, and what was recorded before.

        ``waiting`` requests may wait for a slow server. Further ones wait only while readings come to an end: the other
        threads are for what needs none.
        """
        self._record = record
        self._slots = threading.Semaphore(waiting)
        self._lock = threading.Lock()
        self._readings: dict[Wanted, _Reading] = {}
        self._moved_at = 0.0
        self._next_log = 0.0
        self._queue: queue.SimpleQueue[tuple[Wanted, _Reading]] = queue.SimpleQueue()
        for _ in range(_READERS):
            threading.Thread(target=self._work, name="content", daemon=True).start()

    def begin(self, wanted: Wanted) -> None:
        """Have a URL read, unless it is being read. Raises ``ContentUnknownError`` where too many are waiting."""
        self._reading(wanted)

    def wait(self, wanted: Wanted, until: float) -> Content | int:
        """Have a URL read and recorded, and return its content, or the status where that is not 200.

        Raises ``ContentUnknownError`` at the moment ``until`` of the monotonic clock, or earlier.
        """
        reading = self._reading(wanted)
        slot = self._slots.acquire(blocking=False)
        try:
            while not reading.done.is_set():
                now = time.monotonic()
                if now >= until:
                    raise ContentUnknownError("the site's server is slow: the reading goes on")
                if not slot and now >= self._moved_at + _STUCK:
                    raise ContentUnknownError("many requests wait for the site's server already")
                reading.done.wait(min(until, until if slot else self._moved_at + _STUCK) - now)
        finally:
            if slot:
                self._slots.release()
        if reading.error is not None:
            raise reading.error
        return reading.content

    def _reading(self, wanted: Wanted) -> _Reading:
        with self._lock:
            reading = self._readings.get(wanted)
            if reading is None:
                if len(self._readings) >= _QUEUE:
                    raise ContentUnknownError(f"{_QUEUE} URLs of the site's server are waiting already")
                if not self._readings:
                    self._moved_at = time.monotonic()
                reading = self._readings[wanted] = _Reading()
                self._queue.put((wanted, reading))
            return reading

    def _work(self) -> None:
        while True:
            wanted, reading = self._queue.get()
            try:
                reading.content = read_content(wanted.server, wanted.url, wanted.scheme)
                if isinstance(reading.content, Content):
                    self._record(wanted.url, reading.content, wanted.before)
            except Exception as error:
                reading.error = error if isinstance(error, ContentUnknownError) else ContentUnknownError(str(error))
                self._report(wanted, f"failed: {printable(error)}")
            with self._lock:
                del self._readings[wanted]
                self._moved_at = time.monotonic()
            reading.done.set()

    def differs(self, wanted: Wanted, status: int) -> None:
        """Log that the server answered the edge with content, and the origin with another ``status`` than 200."""
        self._report(
            wanted,
            f"got status {status}, and the edge got content: the URL is 503. The origin asks with the same Host and"
            " X-Forwarded-Proto, without cookies, as edge-takedown: let the server answer that as it answers a visitor",
        )

    def _report(self, wanted: Wanted, what: str) -> None:
        """Log what came of reading a URL, at most once a minute."""
        now = time.monotonic()
        if now >= self._next_log:
            self._next_log = now + _LOG_INTERVAL
            log.error("first sight of %s at http://%s %s", printable(wanted.url.url), wanted.server, what)
