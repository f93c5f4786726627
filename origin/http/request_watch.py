"""Counts each answer of a server and writes it into the access log, as far as either is wanted."""

import time
from collections.abc import Callable

from origin.http.access_log import AccessLog, access_line
from origin.http.request import Request
from origin.metrics_counters import Counters

Watch = Callable[[Request, bytes, int], object]


def make_watch(counters: Counters | None, access_log: AccessLog | None) -> Watch | None:
    """Make the function that a server calls after each answer; None where there is nothing to do."""
    if access_log is None:
        if counters is None:
            return None
        count = counters.answered
        return lambda _request, status, sent: count(status, sent)

    def log(request: Request, status: bytes, sent: int) -> None:
        if counters is not None:
            counters.answered(status, sent)
        access_log.write(_line(request, status, sent))

    return log


def _line(request: Request, status: bytes, sent: int) -> bytes:
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
