"""Choose the engine of the moderation database: one server, or a cluster of three."""

from collections.abc import Callable
from pathlib import Path

from stack.cluster import Cluster
from stack.database import Database
from stack.galera import Galera
from stack.replication_group import Group

#: The engines of clusters, by the names that ``./dev run --cluster`` takes.
CLUSTERS: dict[str, Callable[[Path], Cluster]] = {"galera": Galera, "group": Group}


def make_database(directory: Path, cluster: str | None = None) -> Database:
    """Make a database, not started: one server, or the cluster of this name.

    Raises ``ServerFailedError`` where the cluster's programs are not installed.
    """
    return CLUSTERS[cluster](directory) if cluster else Database(directory)
