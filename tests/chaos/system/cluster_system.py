"""Run the system of the checker on a database cluster."""

from pathlib import Path
from typing import Any

from stack.databases.cluster import Cluster
from stack.databases.database import Database
from stack.system import CLUSTERS
from tests.chaos.faults import Fault
from tests.chaos.system.system_with_proxies import System
from tests.support.database.cluster_proxies import ClusterProxies
from tests.support.faulty_proxy import Proxy

#: Faults that need the data directory, the clock or the locks of a single server.
_OF_ONE_SERVER = frozenset(
    {
        "database put back, purger up",
        "database put back, purger down",
        "origin reads an old copy",
        "second purger on a copy",
        "database's clock stepped",
        "numbering stuck",
        "purger killed while numbering",
        "purger frozen while numbering",
    }
)


def runs_on(fault: Fault, engine: str | None) -> bool:
    """Tell whether a fault can happen on an engine; None is a single server."""
    if engine is None:
        return not fault.engines
    return engine in fault.engines if fault.engines else fault.name not in _OF_ONE_SERVER


class ClusterSystem(System):
    """The system on a cluster. A node's fault is as good as any while the other two are well."""

    def __init__(self, directory: Path, *, engine: str, **settings: Any) -> None:
        """Take the name of an engine (``stack.system.CLUSTERS``), and the settings of ``System``."""
        self._engine = engine
        super().__init__(directory, **settings)

    @property
    def cluster(self) -> Cluster:
        """Return the database."""
        assert isinstance(self.database, Cluster)
        return self.database

    def _new_database(self, directory: Path) -> Database:
        return CLUSTERS[self._engine](directory)

    def _new_database_proxy(self) -> Proxy:
        return ClusterProxies(self._proxies, self.cluster)

    def database_url(self, account: str, proxy: Proxy) -> str:
        """Return the URL of one of the database's accounts through the proxies of all nodes."""
        assert isinstance(proxy, ClusterProxies)
        return proxy.replaced(self.database.url(account))
