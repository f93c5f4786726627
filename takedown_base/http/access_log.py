"""Writes the access log: a line a request, in the format "combined" of web servers, with the seconds at its end.

``make_watch`` makes the function that a server calls after each answer: it counts, and writes that line.
"""

import logging
import os
import re
import threading
import time
from collections.abc import Callable
from functools import lru_cache

from takedown_base.http.http_dates import MONTHS
from takedown_base.http.request import StrictRequest

log = logging.getLogger(__name__)

#: Seconds between two checks whether the file was moved away, and between two reports that it cannot be written.
_CHECK = 1.0
_REPORT = 60.0

#: Bytes that may not be between quotes without an escape.
_ESCAPED = re.compile(rb'[^ -~]|["\\]')

STDOUT = "-"

#: Takes an answered request, its status line and the bytes that were sent.
Watch = Callable[[StrictRequest, bytes, int], object]


class AccessLog:
    """A file to which several processes append whole lines, or stdout (``-``).

    A file that was moved away, as by logrotate, is opened anew within a second. What cannot be written is lost: no
    request waits or fails for it, except on a pipe that nobody reads.
    """

    def __init__(self, path: str) -> None:
        """Open the file. Raises ``OSError``."""
        self._path = path
        self._descriptor = 1 if path == STDOUT else _open(path)
        self._lock = threading.Lock()
        self._check_at = time.monotonic() + _CHECK
        self._report_at = 0.0

    def write(self, line: bytes) -> None:
        """Append a line."""
        if self._path != STDOUT and time.monotonic() > self._check_at:
            self._follow_rotation()
        try:
            os.write(self._descriptor, line)
        except OSError as error:
            self._report(error)

    def _follow_rotation(self) -> None:
        with self._lock:
            now = time.monotonic()
            if now <= self._check_at:
                return
            self._check_at = now + _CHECK
            try:
                if _identity(self._descriptor) == _identity(self._path):
                    return
            except FileNotFoundError:
                pass
            except OSError as error:
                self._report(error)
                return
            try:
                new = _open(self._path)
            except OSError as error:
                self._report(error)
                return
            # Under the same number, so that a thread that writes just now writes into one of the two.
            os.dup2(new, self._descriptor, inheritable=False)
            os.close(new)

    def _report(self, error: OSError) -> None:
        now = time.monotonic()
        if now >= self._report_at:
            self._report_at = now + _REPORT
            log.error("the access log cannot be written: %s", error.strerror or error)


def make_watch(count: Callable[[bytes, int], object] | None, access_log: AccessLog | None) -> Watch | None:
    """Make the function that a server calls after each answer; None where there is nothing to do.

    ``count`` takes the status line and the bytes that were sent.
    """
    if access_log is None:
        return None if count is None else lambda _request, status, sent: count(status, sent)

    def log(request: StrictRequest, status: bytes, sent: int) -> None:
        if count is not None:
            count(status, sent)
        access_log.write(_line(request, status, sent))

    return log


def _line(request: StrictRequest, status: bytes, sent: int) -> bytes:
    # A refused head has no method: nothing of it was taken for true.
    method = request.method
    fields = request.inheaders
    return access_line(
        peer=request.conn.remote_addr or "",
        at=time.time(),
        request=b"%s %s %s" % (method, request.uri, request.request_protocol) if method else b"",
        status=status,
        sent=sent,
        referer=fields.get(b"Referer", b""),
        agent=fields.get(b"User-Agent", b""),
        seconds=max(0.0, time.monotonic() - request.conn.began) if request.conn.began else 0.0,
    )


def access_line(
    *,
    peer: str,
    at: float,
    request: bytes,
    status: bytes,
    sent: int,
    referer: bytes,
    agent: bytes,
    seconds: float,
) -> bytes:
    """Make a line. Its quoted parts hold no byte that could end them, or mean anything to a terminal."""
    return b'%s - - [%s] "%s" %s %d "%s" "%s" %.6f\n' % (
        peer.encode("ascii", "replace") or b"-",
        _date(int(at)),
        _quotable(request) or b"-",
        status[:3] or b"-",
        sent,
        _repeated(referer) or b"-",
        _repeated(agent) or b"-",
        seconds,
    )


def _quotable(text: bytes) -> bytes:
    r"""Escape quotes, backslashes and all bytes beyond printable ASCII as ``\xHH``, as nginx does."""
    if _ESCAPED.search(text) is None:
        return text
    return _ESCAPED.sub(lambda found: b"\\x%02X" % ord(found[0]), text)


#: The same edge sends the same.
_repeated = lru_cache(maxsize=64)(_quotable)


@lru_cache(maxsize=4)
def _date(second: int) -> bytes:
    moment = time.gmtime(second)
    month = MONTHS[moment.tm_mon - 1]
    return f"{moment.tm_mday:02d}/{month}/{moment.tm_year}:{time.strftime('%H:%M:%S', moment)} +0000".encode()


def _open(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)


def _identity(file: int | str) -> tuple[int, int]:
    status = os.stat(file)  # noqa: PTH116 (also of a descriptor)
    return status.st_dev, status.st_ino
