"""What is broken beside the clients: one table, filled by one module for each part of the system."""

from tests.chaos.faults import database, edge, nothing, origin, purge_path, purger
from tests.chaos.faults.base import FAULTS, Fault, Scene

__all__ = ["FAULTS", "Fault", "Scene", "database", "edge", "nothing", "origin", "purge_path", "purger"]
