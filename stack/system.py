"""Start database, origin, edges and purger in this order, and stop them in the reverse order."""

from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from purger.signed_log.keys import LogKey, write_key
from stack.console import Console
from stack.databases.cluster import Cluster
from stack.databases.database import Database
from stack.databases.galera import Galera
from stack.databases.replication_group import ReplicationGroup
from stack.door import Door
from stack.edges.edge import Edge
from stack.ingest import Ingest
from stack.object_store import ObjectStoreServer
from stack.origin import Origin
from stack.processes.server import Server
from stack.processes.waiting import PATIENCE, wait_until
from stack.purger import Purger
from stack.samples import draw_samples
from takedown_log.signed_note import SignerKey

#: The engines of clusters, by the names that ``./dev run --cluster`` takes.
CLUSTERS: dict[str, Callable[[Path], Cluster]] = {"galera": Galera, "group": ReplicationGroup}


@dataclass(frozen=True)
class StackSettings:
    """Number, ports and options of a stack's servers. Port 0 means any free one."""

    edges: int = 1
    edge_port: int = 0  # public listener of the first edge
    purge_port: int = 0  # purge listener of the first edge
    origin_port: int = 0
    ingest_port: int | None = None  # None: no upload listener
    console_port: int | None = None  # None: no console
    door_port: int | None = None  # None: no door for programs
    cluster: str | None = None  # a name of CLUSTERS; None: a single database server
    store: str = "directory"  # or "s3": a private object store
    origin_options: dict[str, str] = field(default_factory=dict)  # ORIGIN_... variables
    purger_options: dict[str, str] = field(default_factory=dict)  # PURGER_... variables
    edge_settings: dict[str, Any] = field(default_factory=dict)  # arguments of stack.edges.vcl.render
    settings_of_edge: dict[str, dict[str, Any]] = field(default_factory=dict)  # and those of only one edge, by name


class Stack:
    """A whole system in a ``with`` block: it has the sample images, and each edge trusts its cache."""

    def __init__(self, directory: Path, settings: StackSettings | None = None) -> None:
        self.settings = settings = settings or StackSettings()
        self.directory = directory
        self.codes: dict[str, list[str]] = {}  # codes of the sample images by owner
        self.database = make_database(directory / "database", settings.cluster)
        self.store = ObjectStoreServer(directory / "store") if settings.store == "s3" else None
        options = (self.store.origin_options() if self.store else {}) | settings.origin_options
        self.origin = Origin(directory / "origin", self.database, port=settings.origin_port, options=options)
        self.ingest = (
            Ingest(directory / "ingest", self.database, self.origin, port=settings.ingest_port, options=options)
            if settings.ingest_port is not None
            else None
        )
        self.edges = [
            Edge(
                directory / f"edge{number}",
                self.origin.address,
                name=f"edge{number}",
                public_port=settings.edge_port if number == 1 else 0,
                purge_port=settings.purge_port if number == 1 else 0,
                **settings.edge_settings | settings.settings_of_edge.get(f"edge{number}", {}),
            )
            for number in range(1, settings.edges + 1)
        ]
        self.console = (
            Console(directory / "console", settings.console_port) if settings.console_port is not None else None
        )
        self.door = (
            Door(directory / "door", self.database, port=settings.door_port) if settings.door_port is not None else None
        )
        self.purger = Purger(
            directory / "purger",
            self.database,
            options={"PURGER_LOG_KEY_FILE": str(directory / "log-key")}
            | settings.purger_options
            | (self.console.options if self.console else {}),
            ports=(self.console.port,) if self.console else (),
        )
        self.log_key = SignerKey.generate("localhost/takedowns")
        self._running = ExitStack()

    @property
    def edge(self) -> Edge:
        """Return the first edge, which is the only one unless the settings ask for more."""
        return self.edges[0]

    @property
    def servers(self) -> list[Server]:
        """Return all servers, in the order in which they start."""
        stores = [self.store] if self.store else []
        return [self.database, *stores, self.origin, *self._listeners, *self.edges, self.purger]

    @property
    def _listeners(self) -> list[Server]:
        return [listener for listener in (self.ingest, self.door) if listener]

    def __enter__(self) -> Self:
        with ExitStack() as running:
            running.enter_context(self.database)
            if not self.database.migrated:
                self.database.migrate()
            if self.store:
                running.enter_context(self.store)
            self.codes = draw_samples(self.directory / "samples")
            for owner in self.codes:
                self.origin.import_images(self.directory / "samples" / owner, owner)
            for server in [self.origin, *self._listeners, *self.edges]:
                running.enter_context(server)
            for edge in self.edges:
                self.purger.add_edge(edge)
            if self.console:
                self.console.write(self.database)
            write_key(self.directory / "log-key", LogKey(self.log_key))
            running.enter_context(self.purger)
            for edge in self.edges:
                edge.wait_trusted()
            # Last-Modified comes in the second after the batch number. Without it an edge keeps an image for 2 s only.
            codes = [code for owner in self.codes.values() for code in owner]
            wait_until(lambda: self.dated(codes), "Last-Modified of the sample images")
            self._running = running.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running.__exit__(kind, error, traceback)

    def dated(self, codes: Iterable[str]) -> bool:
        """Tell whether the origin sends Last-Modified with each of these images, so that an edge may keep them."""
        urls = (f"{self.origin.url}/images/{code}" for code in codes)
        return all("Last-Modified" in requests.head(url, timeout=PATIENCE).headers for url in urls)

    def settle(self) -> None:
        """Wait until each edge has acknowledged all changes that were committed before the call, and their rebounds.

        Raises ``TimeoutError``.
        """
        with self.database.connect_admin() as connection, connection.cursor() as cursor:

            def number(query: str) -> int:
                cursor.execute(query)
                ((value,),) = cursor.fetchall()
                return int(str(value))

            unnumbered = "SELECT COUNT(*) FROM invalidations WHERE batch IS NULL"
            wait_until(lambda: number(unnumbered) == 0, "all changes numbered")
            head = number("SELECT last_batch FROM numbering")
            names = ", ".join(f"'{edge.edge_name}'" for edge in self.edges)
            settled = (
                f"SELECT COUNT(*) FROM edges WHERE name IN ({names})"
                f" AND instance IS NOT NULL AND LEAST(acknowledged, rebounded) >= {head}"
            )
            wait_until(lambda: number(settled) == len(self.edges), "all changes rebounded at every edge")

    def check(self) -> None:
        """Raise ``ServerFailedError`` when a server has ended by itself."""
        for server in self.servers:
            server.check()


def make_database(directory: Path, cluster: str | None = None) -> Database:
    """Make a database, not started: one server, or the cluster of this name.

    Raises ``ServerFailedError`` where the cluster's programs are not installed.
    """
    return CLUSTERS[cluster](directory) if cluster else Database(directory, migrated=True)
