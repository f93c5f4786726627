"""Measure the site's way, a verdict and then the bytes, beside Varnish only in front of the same nginx."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import requests

from bench.figures.results import Contender, Result, compare
from bench.tools.load import cpu_seconds, wrk
from bench.tools.nginx import nginx
from stack.edges.edge import Edge
from stack.edges.varnish import Varnish
from stack.processes.ports import free_port
from stack.processes.server import Server
from stack.system import Stack, StackSettings

_RULES = r"""[[rule]]
match = '^/files/(?P<name>[^/]+)$'
"""

#: Asks for another URL of one picture each time, so that each request is a miss. wrk's own counter begins anew.
_MISSES = """local n = 0
request = function()
    n = n + 1
    return wrk.format("GET", "/files/cat.jpg?run={run}&n=" .. n)
end
"""

#: Of each load.
_SECONDS = 3

_runs = count(1)


def run(directory: Path, rounds: int) -> Iterator[Result]:
    """Compare requests/s, and the CPU time of all parts a request, for misses and hits of 20 KB."""
    with ExitStack() as running:
        (directory / "rules.toml").write_text(_RULES)
        (directory / "picture").write_bytes(b"x" * 20_000)
        site = running.enter_context(
            nginx(
                directory / "nginx",
                f"root {directory}; default_type image/jpeg; location / {{ try_files /picture =404; }}",
            )
        )
        address = f"127.0.0.1:{site.ports[0]}"
        settings = StackSettings(
            origin_options={"ORIGIN_RULES": str(directory / "rules.toml")},
            edge_settings={"site": address, "lease": 3600.0, "storage": "256M"},
        )
        stack = running.enter_context(Stack(directory / "stack", settings))
        stock = running.enter_context(Varnish("stock", directory / "stock", {"public": free_port()}, ["-b", address]))
        edge: Edge = stack.edge
        parts: dict[str, tuple[Server, Mapping[str, Server]]] = {
            "stock varnish": (stock, {"nginx": site}),
            "edge takedown": (edge, {"nginx": site, "origin": stack.origin, "database": stack.database}),
        }
        yield compare(
            "site's miss, 20 KB",
            {name: _misses(directory, server, beside) for name, (server, beside) in parts.items()},
            rounds,
        )
        yield compare("site's hit, 20 KB", {name: _hits(server) for name, (server, _) in parts.items()}, rounds)


def _misses(directory: Path, server: Server, beside: Mapping[str, Server]) -> Contender:
    """Sum the CPU time of all parts, and say that of each part beside the cache."""

    def measure() -> dict[str, float]:
        script = directory / "misses.lua"
        script.write_text(_MISSES.format(run=next(_runs)))
        before = {name: cpu_seconds(part) for name, part in beside.items()}
        url = f"http://127.0.0.1:{server.ports[0]}"
        figures = dict(wrk(url, server, beside=tuple(beside.values()), script=script, seconds=_SECONDS))
        requests_sent = figures["requests/s"] * _SECONDS
        for name, part in beside.items():
            figures[f"{name}: CPU us/request"] = 1e6 * (cpu_seconds(part) - before[name]) / requests_sent
        return figures

    return measure


def _hits(server: Server) -> Contender:
    url = f"http://127.0.0.1:{server.ports[0]}/files/cat.jpg"
    requests.get(url, timeout=5).raise_for_status()
    return lambda: wrk(url, server, connections=16)
