"""Calls the WSGI application for a request (PEP 3333)."""

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import cheroot.wsgi

#: The key of the WSGI environment for the time of the request's first bytes, in seconds of the monotonic clock.
BEGAN = "takedown.began"

#: Names of headers that are remembered in the form that WSGI wants. Clients make up any others.
_NAMES_KEPT = 64


class Gateway(cheroot.wsgi.Gateway_10):
    """Adds the time of the request's first bytes to the WSGI environment.

    Environment and headers are made as cheroot makes them, in less time.
    """

    # The stubs of cheroot's base class say that it returns nothing.
    def get_environ(self) -> dict[str, Any]:  # type: ignore[override]
        """Make the environment."""
        request = self.req
        connection = request.conn
        environ: dict[str, Any] = {
            **request.server.environ,
            BEGAN: connection.began,
            "PATH_INFO": request.path.decode("latin-1"),
            "QUERY_STRING": request.qs.decode("latin-1"),
            "REMOTE_ADDR": connection.remote_addr or "",
            "REMOTE_PORT": str(connection.remote_port or ""),
            "REQUEST_METHOD": request.method.decode("latin-1"),
            "REQUEST_URI": request.uri.decode("latin-1"),
            "SERVER_PROTOCOL": request.request_protocol.decode("latin-1"),
            "wsgi.input": request.rfile,
            "wsgi.input_terminated": request.chunked_read,
        }
        for name, value in request.inheaders.items():
            environ[_environ_name(name)] = value.decode("latin-1")
        return environ

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Callable[..., Any]:
        """Take status and headers. They are sent with the first part of the body."""
        if self.started_response:
            answer: Callable[..., Any] = super().start_response(status, headers, exc_info)
            return answer
        self.started_response = True
        self.req.status = status.encode("latin-1")
        out = self.req.outheaders
        for name, value in headers:
            if name == "Content-Length":
                self.remaining_bytes_out = int(value)
            out.append((name.encode("latin-1"), value.encode("latin-1")))
        written: Callable[..., Any] = self.write
        return written


@lru_cache(maxsize=_NAMES_KEPT)
def _environ_name(name: bytes) -> str:
    """Make the name of a header in the environment. Content-Type and Content-Length get no HTTP before them."""
    shown = name.decode("latin-1").upper().replace("-", "_")
    return shown if shown in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{shown}"
