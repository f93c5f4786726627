"""The whole system: database, origin, edges and purger, started in order and stopped in the reverse one."""

from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from stack.database import Database
from stack.edge import Edge
from stack.origin import Origin
from stack.purger import Purger
from stack.samples import draw_samples
from stack.server import Server
from stack.waiting import wait_until


@dataclass(frozen=True)
class Settings:
    """What a stack is made of. A port of 0 is any free one."""

    edges: int = 1
    edge_port: int = 0  # public listener of the first edge
    purge_port: int = 0  # purge listener of the first edge
    origin_port: int = 0
    origin_options: dict[str, str] = field(default_factory=dict)  # ORIGIN_... variables
    purger_options: dict[str, str] = field(default_factory=dict)  # PURGER_... variables
    edge_settings: dict[str, Any] = field(default_factory=dict)  # arguments of stack.vcl.render


class Stack:
    """A context manager: inside it everything runs, has the sample images and every edge trusts its cache."""

    def __init__(self, directory: Path, settings: Settings | None = None) -> None:
        self.settings = settings = settings or Settings()
        self.directory = directory
        self.codes: dict[str, list[str]] = {}  # codes of the sample images by owner
        self.database = Database(directory / "database")
        self.origin = Origin(
            directory / "origin", self.database, port=settings.origin_port, options=settings.origin_options
        )
        self.edges = [
            Edge(
                directory / f"edge{number}",
                self.origin.address,
                name=f"edge{number}",
                public_port=settings.edge_port if number == 1 else 0,
                purge_port=settings.purge_port if number == 1 else 0,
                **settings.edge_settings,
            )
            for number in range(1, settings.edges + 1)
        ]
        self.purger = Purger(directory / "purger", self.database, options=settings.purger_options)
        self._running = ExitStack()

    @property
    def edge(self) -> Edge:
        """The first edge, which is the only one unless the settings ask for more."""
        return self.edges[0]

    @property
    def servers(self) -> list[Server]:
        """All servers, in the order in which they are started."""
        return [self.database, self.origin, *self.edges, self.purger]

    def __enter__(self) -> Self:
        with ExitStack() as running:
            running.enter_context(self.database)
            self.database.migrate()
            self.codes = draw_samples(self.directory / "samples")
            for owner in self.codes:
                self.origin.import_images(self.directory / "samples" / owner, owner)
            for server in [self.origin, *self.edges]:
                running.enter_context(server)
            for edge in self.edges:
                self.purger.add_edge(edge)
            running.enter_context(self.purger)
            for edge in self.edges:
                edge.wait_trusted()
            # A date comes with the second after the number; without one an image may be kept for two seconds only.
            wait_until(self._dated, "Last-Modified of the sample images")
            self._running = running.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running.__exit__(kind, error, traceback)

    def _dated(self) -> bool:
        codes = [code for owner in self.codes.values() for code in owner]
        return all(
            "Last-Modified" in requests.head(f"{self.origin.url}/images/{code}", timeout=10).headers for code in codes
        )

    def check(self) -> None:
        """Raise ``ServerFailed`` when a server has ended by itself."""
        for server in self.servers:
            server.check()
