"""Run a process of stub edges, control it, and read what it has recorded."""

import json
import os
import secrets
import socket
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from mysql.connector.abstracts import MySQLConnectionAbstract

from stack.processes.server import Server

_ROOT = Path(__file__).parents[2]


class StubEdges(Server):
    """A process with ``count`` stub edges, named ``stub0001`` and so on; ``first`` is the number of the first one."""

    def __init__(self, directory: Path, count: int, first: int = 1) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.token_file = directory / "token"
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(secrets.token_urlsafe(24) + "\n")
        self._ports_file = directory / "ports.json"
        path = os.pathsep.join(filter(None, (str(_ROOT), os.environ.get("PYTHONPATH"))))
        command = [sys.executable, "-m", "stack.edges.stub_edges", str(directory), str(count), str(first)]
        super().__init__("stubs", directory, command, environment={"PYTHONPATH": path})

    def after_start_check(self) -> bool:
        """Tell whether all edges listen."""
        return super().after_start_check() and self._ports_file.exists()

    @property
    def urls(self) -> dict[str, str]:
        """The URL of each edge by name, for its purge listener and for its public one."""
        ports = json.loads(self._ports_file.read_text())
        return {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}

    def add_to(self, database: MySQLConnectionAbstract) -> None:
        """Write the edges into the table ``edges``: hundreds of ``purger edge add`` would take minutes."""
        rows = [(name, url, url, str(self.token_file)) for name, url in self.urls.items()]
        with database.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO edges (name, purge_url, public_url, token_file) VALUES (%s, %s, %s, %s)", rows
            )

    def delay(self, seconds: float, edges: Iterable[str] = ()) -> None:
        """Let each request to ``edges``, or to all, take a round trip of so many seconds."""
        self._do("delay", seconds=seconds, edges=list(edges))

    def work(self, seconds: float, edges: Iterable[str] = ()) -> None:
        """Let ``edges``, or all, take so many seconds for each request, one after the other."""
        self._do("work", seconds=seconds, edges=list(edges))

    def silence(self, edges: Iterable[str], *, silent: bool = True) -> None:
        """Let ``edges`` take requests and answer none, or answer again."""
        self._do("silence", silent=silent, edges=list(edges))

    def watch(self, codes: Iterable[str]) -> None:
        """Record from now on when each edge first gets a purge of ``codes``."""
        self._do("watch", codes=list(codes))

    def arrivals(self, code: str) -> dict[str, float]:
        """Return by edge when it first got a purge of a watched code, in seconds since 1970."""
        return dict(self._do("arrivals", code=code))

    def records(self) -> dict[str, dict[str, float]]:
        """Return by edge requests, received bytes, renewals, longest gap and silence in seconds, lapses and flushes."""
        return dict(self._do("records"))

    def forget(self) -> None:
        """Drop all records."""
        self._do("forget")

    def _do(self, command: str, **arguments: Any) -> Any:
        with socket.socket(socket.AF_UNIX) as control:
            control.connect(str(self.directory / "control"))
            control.sendall(json.dumps({"command": command, **arguments}).encode() + b"\n")
            with control.makefile("rb") as answers:
                return json.loads(answers.readline())
