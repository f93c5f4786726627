"""Measure hits of 20 KB at the edge, beside Varnish with its built-in VCL and nginx with proxy_cache."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import requests

from bench.figures.results import Contender, Result, compare
from bench.tools.load import wrk
from bench.tools.nginx import nginx
from stack.edges.edge import Edge
from stack.edges.varnish import Varnish
from stack.processes.ports import free_port
from stack.processes.server import Server

_BODY = b"x" * 20_000


class _Backend(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.send_response(200)
        for name, value in {
            "Content-Type": "image/jpeg",
            "Content-Length": str(len(_BODY)),
            "ETag": '"0123456789"',
            "Last-Modified": "Mon, 02 Nov 2026 00:00:00 GMT",
            "Cache-Control": "public, max-age=86400",
            "CDN-Cache-Control": "max-age=86400",
            "Takedown-Owner": "owner1",
            "Takedown-Digest": "0123456789abcdef" * 4,
        }.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(_BODY)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""


def run(directory: Path, rounds: int) -> Iterator[Result]:
    """Compare requests/s and CPU time a request for hits and for 304s."""
    with ExitStack() as running:
        backend = running.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), _Backend))
        threading.Thread(target=backend.serve_forever, daemon=True).start()
        running.callback(backend.shutdown)
        address = f"127.0.0.1:{backend.server_port}"
        ours = running.enter_context(Edge(directory / "ours", address, lease=86400.0))
        ours.ask("HEARTBEAT", takedown_epoch=ours.ask("HEARTBEAT").headers["Takedown-Now"])
        servers = {
            "stock varnish": running.enter_context(
                Varnish("stock", directory / "stock", {"public": free_port()}, ["-b", address])
            ),
            "edge takedown": ours,
            "nginx proxy_cache": running.enter_context(
                nginx(
                    directory / "nginx",
                    f"location / {{ proxy_pass http://{address}; proxy_cache images; }}",
                    f"proxy_cache_path {directory}/nginx/cache keys_zone=images:10m;",
                )
            ),
        }
        for title, header in {"edge hit, 20 KB": "", "edge 304": 'If-None-Match: "0123456789"'}.items():
            yield compare(title, {name: _contender(server, header) for name, server in servers.items()}, rounds)


def _contender(server: Server, header: str) -> Contender:
    url = f"http://127.0.0.1:{server.ports[0]}/images/sample"
    requests.get(url, timeout=5).raise_for_status()
    return lambda: wrk(url, server, header=header, connections=16)
