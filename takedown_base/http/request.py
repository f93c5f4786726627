"""Has cheroot read each head by ``request_head``, and send the head and the first bytes of an answer together."""

import contextlib
import functools
import time
from typing import cast

import cheroot.server

from takedown_base.http.http_dates import format_date
from takedown_base.http.request_head import RefusedHeadError, read_head


class StrictRequest(cheroot.server.HTTPRequest):
    """A request whose head is read strictly: cheroot accepts heads that other servers read in another way."""

    method = b""
    #: The head of the answer, until it is sent together with the first bytes of the body.
    _unsent = b""

    def parse_request(self) -> None:
        """Read the head. Without one, and for a refused one, ``ready`` stays False and the connection ends."""
        try:
            head = read_head(self.conn.rfile.readline, self.server.max_request_body_size or None)
        except RefusedHeadError as refused:
            self.simple_response(refused.status, str(refused))
            return
        if head is None:
            return
        self.method, self.uri, self.path, self.qs = head.method, head.target, head.path, head.query
        self.request_protocol = b"HTTP/1.%d" % head.minor
        self.response_protocol = "HTTP/1.0" if head.minor == 0 else "HTTP/1.1"
        self.inheaders = head.fields
        self.close_connection = head.close
        # The connection ends after a chunked body: nobody reads it, and cheroot would parse it as the next request.
        self.chunked_read = head.chunked
        # HTTP/1.0 has no interim responses (RFC 9110, 10.1.1).
        if head.minor and head.fields.get(b"Expect", b"").lower() == b"100-continue":
            self.conn.wfile.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self.ready = True

    def respond(self) -> None:
        """Let the application answer, and send what is left of the answer."""
        if self.server.watch is None:
            super().respond()
            self._send_unsent()
            return
        before = self.conn.wfile.bytes_written
        try:
            super().respond()
            self._send_unsent()
        finally:
            # Without a head that was sent cheroot answers by simple_response.
            if self.sent_headers:
                status = cast(bytes, self.status)
                self.server.watch(self, status, self.conn.wfile.bytes_written - before)

    def write(self, chunk: bytes) -> None:
        """Send a part of the body."""
        if not self._unsent:
            super().write(chunk)
        elif chunk:
            head, self._unsent = self._unsent, b""
            self.conn.wfile.write_both(head, chunk)

    def send_headers(self) -> None:
        """Make the head, and keep it until there is a part of a body to send it with.

        cheroot does what the usual answers do not need: it writes the date again each time, and looks each header up
        several times.
        """
        if self.response_protocol == "HTTP/1.0" or self.chunked_read or not self._is_usual():
            super().send_headers()
            return
        remaining = getattr(self.rfile, "remaining", 0)
        if remaining and not self.close_connection:
            self.rfile.read(remaining)  # the next request begins behind the body
        lines = [b"HTTP/1.1 " + cast(bytes, self.status)]
        lines += [name + b": " + value for name, value in self.outheaders]
        lines.append(_date_and_server(int(time.time()), self.server.server_name))
        if self.close_connection:
            lines.append(b"Connection: close")
        self._unsent = b"\r\n".join(lines) + b"\r\n\r\n"

    def simple_response(self, status: str, msg: str = "") -> None:
        """Answer an error with the text ``msg``. The connection ends after it."""
        content_type, body = self.server.refusal(status, msg)
        lines = (
            f"HTTP/1.1 {status}",
            f"Date: {format_date(int(time.time()))}",
            f"Content-Type: {content_type}",
            f"Content-Length: {len(body)}",
            "Cache-Control: no-store",
            "X-Content-Type-Options: nosniff",
            "Connection: close",
            *(f"{name}: {value}" for name, value in self.server.headers),
        )
        head = "".join(f"{line}\r\n" for line in lines).encode("latin-1") + b"\r\n"
        before = self.conn.wfile.bytes_written
        try:
            with contextlib.suppress(ConnectionError):  # the peer may have gone
                self.conn.wfile.write(head if self.method == b"HEAD" else head + body)
        finally:
            if self.server.watch is not None:
                self.server.watch(self, status.encode("latin-1"), self.conn.wfile.bytes_written - before)

    def _is_usual(self) -> bool:
        """Tell whether the answer's end is known by a Content-Length or since it has no body, and no rule ends it."""
        status = cast(bytes, self.status)[:3]
        return status == b"304" or (status != b"413" and any(name == b"Content-Length" for name, _ in self.outheaders))

    def _send_unsent(self) -> None:
        if self._unsent:
            head, self._unsent = self._unsent, b""
            self.conn.wfile.write(head)


@functools.lru_cache(maxsize=4)
def _date_and_server(now: int, server: str) -> bytes:
    return f"Date: {format_date(now)}\r\nServer: {server}".encode("latin-1")
