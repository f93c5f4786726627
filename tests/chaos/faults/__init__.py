"""Collect all faults in one table, filled by one module for each part of the system."""

from tests.chaos.faults import (
    bulks,
    clocks,
    database,
    edge,
    held_thread,
    no_fault,
    nodes,
    origin,
    purge_path,
    purger,
    restored_state,
    several_purgers,
    site,
    store,
)
from tests.chaos.faults.base import FAULTS, Fault, Scene

__all__ = [
    "FAULTS",
    "Fault",
    "Scene",
    "bulks",
    "clocks",
    "database",
    "edge",
    "held_thread",
    "no_fault",
    "nodes",
    "origin",
    "purge_path",
    "purger",
    "restored_state",
    "several_purgers",
    "site",
    "store",
]
