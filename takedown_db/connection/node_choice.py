"""Remembers, for all threads of a process, which node of a cluster to use, and which ones stopped answering."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple
from weakref import WeakKeyDictionary

import mysql.connector
from mysql.connector.abstracts import MySQLConnectionAbstract

from takedown_db.connection.error_numbers import NO_ANSWER, NODE_UNUSABLE
from takedown_db.connection.url import Node


class NodeChoice:
    """The choice between the nodes of one database URL. Any thread may call its methods.

    All connections of a process go to one node, the first in the URL at first: where programs write at several nodes
    their transactions collide, and the cluster rolls one of them back. The node changes only when it fails.
    """

    def __init__(self, nodes: Sequence[Node], clock: Callable[[], float] = time.monotonic) -> None:
        self._nodes = tuple(nodes)
        self._clock = clock
        self._lock = threading.Lock()
        self._current = 0
        self._failed_at: dict[Node, float] = {}  # when a connection to the node last failed

    def order(self) -> tuple[Node, ...]:
        """Return all nodes in the order in which to try them: the node in use, then those after it in the URL."""
        current = self._current
        return self._nodes[current:] + self._nodes[:current]

    def worked(self, node: Node) -> None:
        """Use a node from now on: a connection to it was opened."""
        with self._lock:
            self._current = self._nodes.index(node)

    def failed(self, node: Node) -> None:
        """Try the next node first, when an open connection to the node in use broke off or did not answer in time."""
        with self._lock:
            self._failed_at[node] = self._clock()
            if self._nodes[self._current] == node:
                self._current = (self._current + 1) % len(self._nodes)

    def has_failed_since(self, node: Node, opened: float) -> bool:
        """Tell whether any connection to a node has failed after ``opened``, a time of the clock."""
        failed = self._failed_at.get(node)
        return failed is not None and failed >= opened


_choices: dict[tuple[Node, ...], NodeChoice] = {}
_lock = threading.Lock()


def choice_between(nodes: tuple[Node, ...]) -> NodeChoice:
    """Return this process's choice between the nodes of a URL: the same one for each account and database."""
    with _lock:
        return _choices.setdefault(nodes, NodeChoice(nodes))


class _Origin(NamedTuple):
    """The node of an open connection, the choice that led to it, and the time at which that was made."""

    choice: NodeChoice
    node: Node
    opened: float


_origins = WeakKeyDictionary[MySQLConnectionAbstract, _Origin]()


def remember(connection: MySQLConnectionAbstract, choice: NodeChoice, node: Node, opened: float) -> None:
    """Note the node of a connection that was opened at ``opened``, a time of the monotonic clock."""
    choice.worked(node)
    _origins[connection] = _Origin(choice, node, opened)


def node_of(connection: MySQLConnectionAbstract | None) -> Node | None:
    """Return the node of a connection; None: there is no connection, or its URL names one node only."""
    origin = _origins.get(connection) if connection is not None else None
    return origin.node if origin is not None else None


def report_failure(connection: MySQLConnectionAbstract | None, error: mysql.connector.Error) -> None:
    """Note that a statement failed. If its node is to blame, all other threads leave this node, too.

    Without an effect for a connection to the only node of its URL.
    """
    origin = _origins.get(connection) if connection is not None else None
    if origin is not None and (error.errno in NO_ANSWER or error.errno in NODE_UNUSABLE):
        origin.choice.failed(origin.node)


def is_suspect(connection: MySQLConnectionAbstract) -> bool:
    """Tell whether another connection to the same node has failed since this one was opened.

    An idle connection to a node that is frozen would cost each thread a time-out of its own.
    """
    origin = _origins.get(connection)
    return origin is not None and origin.choice.has_failed_since(origin.node, origin.opened)
