"""Run the real servers, with proxies on the paths that faults break."""

import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import mysql.connector
import requests

from origin.stores.location import parse_location
from origin.stores.store import open_store
from stack.databases.database import Database
from stack.edges.edge import Edge
from stack.object_store import ObjectStoreServer
from stack.origin import Origin
from stack.processes.server import Server, ServerFailedError
from stack.processes.waiting import PATIENCE, wait_until
from stack.purger import Purger
from tests.chaos.pictures.distinct_images import Catalogue, Version, importing
from tests.chaos.pictures.site_pictures import RULES, SitePictures
from tests.support.database.server_clock import ServerClock
from tests.support.edges.cloned_edge import clone_of, sibling_of
from tests.support.edges.fetch_held_after_fence import make_holdable
from tests.support.faulty_proxy import Proxies, Proxy
from tests.support.sites.site_server import SiteServer


class System:
    """All servers, which run inside a ``with`` block. Start and stop them only from the main thread."""

    def __init__(
        self,
        directory: Path,
        *,
        edges: int = 2,
        lease: float = 3.0,
        fail_safe_ttl: float = 2.0,
        purger_options: Mapping[str, str] | None = None,
        purgers: int = 1,
        store: str = "directory",
        **vcl: Any,
    ) -> None:
        """Take further PURGER_ variables, and further arguments of ``stack.edges.vcl.render`` (``vcl``).

        ``store`` is "directory" or "s3": an object store, which the origin reaches through a proxy.
        """
        self.directory = directory
        self.bound = lease + fail_safe_ttl  # seconds, promised under any fault
        self.halted = threading.Event()
        self._running = ExitStack()
        self._numbers = count(1)
        self._proxies = self._running.enter_context(Proxies())
        self.database_clock = ServerClock(directory / "database-clock")
        self.database = self._new_database(directory / "database")
        self.database_proxies = [self._new_database_proxy() for _ in range(purgers)]  # to each purger
        self.lookup_proxy = self._new_database_proxy()  # to the origin
        self.store = ObjectStoreServer(directory / "store") if store == "s3" else None
        self.store_proxy = self._proxies.to(self.store.port) if self.store else None
        self.site = self._running.enter_context(SiteServer())
        self.site_proxy = self._proxies.to(self.site.port)  # to origin and edges
        self.origin = self._new_origin()
        self.origin_proxy = self._proxies.to(self.origin.port)
        self.backend = f"127.0.0.1:{self.origin_proxy.port}"
        site = f"127.0.0.1:{self.site_proxy.port}"
        self.vcl = {"lease": lease, "fail_safe_ttl": fail_safe_ttl, "site": site, **vcl}
        self._purge_proxies: dict[str, Proxy] = {}
        self._public_proxies: dict[str, Proxy] = {}
        self.edge_clocks: dict[str, ServerClock] = {}
        self.edges = [self._new_edge(f"edge{number}") for number in range(1, edges + 1)]
        self.purgers = [
            self._new_purger(number, lease, purger_options or {}) for number in range(len(self.database_proxies))
        ]
        place = self.store.location() if self.store else parse_location(str(self.origin.files))
        self.catalogue = Catalogue(open_store(place))
        self.site_pictures = SitePictures(self.site, self.catalogue)

    def _new_database(self, directory: Path) -> Database:
        database = Database(directory)
        self.database_clock.govern(database)
        return database

    def _new_database_proxy(self) -> Proxy:
        return self._proxies.to(self.database.socket)

    def _new_origin(self) -> Origin:
        """Make an origin that reaches its database, its store and the site's server through their proxies."""
        return Origin(
            self.directory / "origin",
            self.database,
            options={
                "ORIGIN_DATABASE_URL": self.database_url("origin", self.lookup_proxy),
                "ORIGIN_RULES": str(self._write_rules()),
                **self._store_options(),
            },
        )

    def _write_rules(self) -> Path:
        path = self.directory / "rules.toml"
        path.write_text(f'{RULES}[[site]]\nserver = "http://127.0.0.1:{self.site_proxy.port}"\n')
        return path

    def _store_options(self) -> dict[str, str]:
        """Return the origin's variables for the object store behind its proxy, if there is one."""
        if self.store is None or self.store_proxy is None:
            return {}
        return self.store.origin_options(endpoint=f"http://127.0.0.1:{self.store_proxy.port}")

    def _new_purger(self, number: int, lease: float, options: Mapping[str, str]) -> Purger:
        return Purger(
            self.directory / f"purger{number or ''}",
            self.database,
            options={
                "PURGER_DATABASE_URL": self.database_url("purger", self.database_proxies[number]),
                "PURGER_HEARTBEAT_INTERVAL": str(min(1.0, lease / 6)),
                "PURGER_RETRY_LONGEST": "1",
                **options,
            },
        )

    def _new_edge(self, name: str) -> Edge:
        """Make an edge with a clock of its own, and with a proxy before each listener."""
        edge = Edge(self.directory / name, self.backend, name=name, **self.vcl)
        self._purge_proxies[name] = self._proxies.to(edge.purge_port)
        self._public_proxies[name] = self._proxies.to(edge.public_port)
        self.edge_clocks[name] = ServerClock(self.directory / f"{name}-clock")
        edge.url = f"http://127.0.0.1:{self._public_proxies[name].port}"
        self.edge_clocks[name].govern(edge)
        make_holdable(edge)
        return edge

    def __enter__(self) -> Self:
        with ExitStack() as starting:
            starting.callback(self._running.close)
            self._running.enter_context(self.database)
            if self.store:
                self._running.enter_context(self.store)
            self._install()
            self._running.enter_context(self.origin)
            for edge in self.edges:
                self._running.callback(stopped, edge.start())
                self._add(edge)
            for purger in self.purgers:
                self._running.enter_context(purger)
            self.settle()
            starting.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running.__exit__(kind, error, traceback)

    @property
    def purger(self) -> Purger:
        """Return the only purger, or the first of several."""
        return self.purgers[0]

    @property
    def servers(self) -> list[Server]:
        """Return all servers."""
        stores = [self.store] if self.store else []
        return [self.database, *stores, self.origin, *self.edges, *self.purgers]

    def purge_proxy(self, edge: Edge) -> Proxy:
        """Return the proxy between the purger and an edge."""
        return self._purge_proxies[edge.edge_name]

    def database_url(self, account: str, proxy: Proxy) -> str:
        """Return the URL of one of the database's accounts through a proxy."""
        return self.database.url(account).replace(quote(str(self.database.socket)), quote(str(proxy.socket)))

    def clone(self, edge: Edge) -> Edge:
        """Make another varnishd, not started, with an edge's token and instance."""
        return clone_of(edge, self.new_directory("clone"), self.backend, **self.vcl)

    def sibling(self, edge: Edge) -> Edge:
        """Make another varnishd, not started, with an edge's token."""
        return sibling_of(edge, self.new_directory("sibling"), self.backend, **self.vcl)

    def put(self, edge: Edge, other: Edge) -> None:
        """Put another varnishd behind the addresses of an edge, for the purger and for clients."""
        self._purge_proxies[edge.edge_name].turn_to(other.purge_port)
        self._public_proxies[edge.edge_name].turn_to(other.public_port)
        edge.purge_url = f"http://127.0.0.1:{other.purge_port}"  # for edge.ask() and edge.trusted()

    def new_directory(self, name: str) -> Path:
        """Return the path of a file or directory that does not exist yet."""
        return self.directory / f"{name}{next(self._numbers)}"

    def add_images(self, owner: str, codes: list[str]) -> dict[str, Version]:
        """Import the next version of each image. Returns the versions by code."""
        versions = [self.catalogue.make(code) for code in codes]
        with self.database.connect("import") as connection:
            connection.start_transaction()
            with connection.cursor() as cursor:
                for version in versions:
                    for statement, parameters in importing(version, owner):
                        cursor.execute(statement, parameters)
            connection.commit()
        return {version.code: version for version in versions}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Run a query as the administrator, on a new connection: an older one may have died with a server."""
        with self.database.connect_admin() as connection, connection.cursor() as cursor:
            cursor.execute(query)
            return [tuple(row) for row in cursor.fetchall()]

    def number(self, query: str) -> int:
        """Run a query as the administrator. Returns the number in its first row."""
        return int(str(self.rows(query)[0][0]))

    def pause(self, seconds: float) -> None:
        """Wait for so many seconds. Raises ``KeyboardInterrupt`` when the run is to end."""
        if self.halted.wait(seconds):
            raise KeyboardInterrupt

    def settle(self, seconds: float = PATIENCE) -> None:
        """Wait until all changes so far are rebounded, each edge trusts its cache and the origin looks up again.

        Raises ``TimeoutError``.
        """
        self._wait_told("rebounded", seconds)
        # Each process of the origin tries only once a second whether the database is back.
        wait_until(self._quietly(self._origin_looks_up), "a lookup of the origin", seconds)
        for edge in self.edges:
            wait_until(self._quietly(edge.trusted), f"a heartbeat at {edge.name}", seconds)

    def wait_acknowledged(self, seconds: float = PATIENCE) -> None:
        """Wait until every edge has acknowledged all changes so far. Raises ``TimeoutError``."""
        self._wait_told("acknowledged", seconds)

    def _wait_told(self, progress: str, seconds: float) -> None:
        newest = wait_until(
            self._quietly(lambda: (self.number("SELECT COALESCE(MAX(id), 0) FROM invalidations"),)),
            "an answer of the database",
            seconds,
        )[0]
        pending = f"SELECT COUNT(*) FROM invalidations WHERE batch IS NULL AND id <= {newest}"
        wait_until(self._quietly(lambda: self.number(pending) == 0), "all changes numbered", seconds)
        head = self.number(f"SELECT COALESCE(MAX(batch), 0) FROM invalidations WHERE id <= {newest}")
        behind = f"SELECT COUNT(*) FROM edges WHERE enabled AND {progress} < {head}"
        wait_until(self._quietly(lambda: self.number(behind) == 0), f"all changes {progress} at every edge", seconds)

    def _origin_looks_up(self) -> bool:
        """Tell whether all of several lookups succeed, over new connections, so that each process gets some of them."""
        url = f"{self.origin.url}/images/none"
        return all(requests.head(url, timeout=PATIENCE).status_code == 404 for _ in range(8))

    def _quietly(self, condition: Callable[[], Any]) -> Callable[[], Any]:
        """Slow a condition down, and let it return None instead of raising an error."""

        def again() -> Any:
            self.pause(0.01)
            with suppress(mysql.connector.Error, requests.RequestException):
                return condition()
            return None

        return again

    def _install(self) -> None:
        self.database.migrate()

    def _add(self, edge: Edge) -> None:
        self.purger.run(
            *("edge", "add", edge.edge_name, "--purge-url", f"http://127.0.0.1:{self.purge_proxy(edge).port}"),
            *("--public-url", edge.url, "--token-file", str(edge.token_file)),
        ).check_returncode()


def stopped(edge: Edge) -> None:
    """Stop an edge. Its exit code is ignored: with it the manager reports that its child was once killed."""
    with suppress(ServerFailedError):
        edge.stop()
