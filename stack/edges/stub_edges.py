"""Run hundreds of stub edges in one process: ``python -m stack.edges.stub_edges DIRECTORY COUNT FIRST``.

Each listens on a port of its own, which ``DIRECTORY/ports.json`` names. ``DIRECTORY/control`` is a unix socket that
takes one JSON object a line: the name of a command and its arguments. ``StubEdges`` in ``stub_fleet.py`` sends them.
"""

import asyncio
import json
import resource
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.edges.stub_edge import StubEdge

#: Seconds for which an edge trusts its cache, as in ``default.vcl``.
LEASE = 10.0


@dataclass(slots=True)
class _Place:
    """An edge, and how its answers come."""

    edge: StubEdge
    round_trip: float = 0.0  # seconds; a new connection takes one more
    work: float = 0.0  # seconds for each request, one after the other
    free_at: float = 0.0  # when the requests so far are carried out, by the clock of the loop
    silent: bool = False  # it takes requests and answers none


class _StubConnection(asyncio.Protocol):
    """A persistent connection to one edge."""

    def __init__(self, place: _Place) -> None:
        self._place = place
        self._received = b""
        self._first = True
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head, self._received = self._received[:end], self._received[end + 4 :]
            self._answer(head)

    def _answer(self, head: bytes) -> None:
        place = self._place
        if place.silent:
            return
        request, *lines = head.decode("latin-1").split("\r\n")
        method, path, _ = request.split(" ")
        headers = {}
        for line in lines:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        # A request travels half of the round trip, and over a new connection one and a half.
        wait = (1.5 if self._first else 0.5) * place.round_trip
        self._first = False
        if not place.round_trip and not place.work:
            self._carry_out(method, path, headers, len(head) + 4)
            return
        loop = asyncio.get_running_loop()
        place.free_at = max(place.free_at, loop.time() + wait) + place.work
        loop.call_at(place.free_at, self._carry_out, method, path, headers, len(head) + 4)

    def _carry_out(self, method: str, path: str, headers: dict[str, str], size: int) -> None:
        assert self._transport is not None
        reply = self._place.edge.answer(method, path, headers, size=size, now=time.time()).encoded()
        if self._place.round_trip:
            asyncio.get_running_loop().call_later(self._place.round_trip / 2, self._transport.write, reply)
        else:
            self._transport.write(reply)


class _Control:
    """The commands of the control socket. ``edges`` are names, empty for all."""

    def __init__(self, places: dict[str, _Place]) -> None:
        self._places = places

    def answer(self, line: bytes) -> bytes:
        """Carry out the command of one line."""
        arguments = json.loads(line)
        command: Callable[..., Any] = getattr(self, f"do_{arguments.pop('command')}")
        return json.dumps(command(**arguments)).encode() + b"\n"

    def _chosen(self, edges: list[str]) -> list[_Place]:
        return [self._places[name] for name in edges or self._places]

    def do_delay(self, seconds: float, edges: list[str]) -> None:
        """Set the round trip of edges."""
        for place in self._chosen(edges):
            place.round_trip = seconds

    def do_work(self, seconds: float, edges: list[str]) -> None:
        """Set the time that edges take for each request."""
        for place in self._chosen(edges):
            place.work = seconds

    def do_silence(self, silent: bool, edges: list[str]) -> None:
        """Let edges answer nothing, or again."""
        for place in self._chosen(edges):
            place.silent = silent

    def do_watch(self, codes: list[str]) -> None:
        """Record from now on when each edge first gets a purge of these codes."""
        for place in self._places.values():
            place.edge.watched.update(f"i:{code}" for code in codes)

    def do_arrivals(self, code: str) -> dict[str, float]:
        """Return by edge when the code was first purged there, in seconds since 1970."""
        edges = (place.edge for place in self._places.values())
        return {edge.name: edge.arrived[f"i:{code}"] for edge in edges if f"i:{code}" in edge.arrived}

    def do_forget(self) -> None:
        """Drop all records."""
        for place in self._places.values():
            place.edge.forget()

    def do_records(self) -> dict[str, dict[str, float]]:
        """Return by edge what it has recorded."""
        names = ("requests", "received", "renewals", "renewed_at", "longest_gap", "lapses", "flushes")
        return {
            name: {each: getattr(place.edge, each) for each in names} | {"silence": time.time() - place.edge.renewed_at}
            for name, place in self._places.items()
        }


async def _serve(directory: Path, count: int, first: int) -> None:
    token = (directory / "token").read_text().strip()
    names = [f"stub{number:04}" for number in range(first, first + count)]
    places = {name: _Place(StubEdge(name, token, LEASE, instance=f"{time.time():.3f}-{name}")) for name in names}
    loop = asyncio.get_running_loop()
    ports, servers = {}, []
    for name, place in places.items():
        server = await loop.create_server(lambda place=place: _StubConnection(place), "127.0.0.1", 0)  # type: ignore[misc]
        ports[name] = server.sockets[0].getsockname()[1]
        servers.append(server)
    control = _Control(places)

    async def converse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while line := await reader.readline():
            writer.write(control.answer(line))
        writer.close()

    await asyncio.start_unix_server(converse, directory / "control", limit=1 << 24)
    # Whole at once: the file is taken for the sign that all edges listen.
    (directory / "ports.json.new").write_text(json.dumps(ports))
    (directory / "ports.json.new").rename(directory / "ports.json")
    stopped = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopped.set)
    await stopped.wait()


def main() -> None:
    """Serve until SIGTERM."""
    directory, count, first = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    asyncio.run(_serve(directory, count, first))


if __name__ == "__main__":
    main()
