"""Chooses between the nodes of a cluster, for all threads of a process, and connects to the first that is usable."""

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, NamedTuple, TypeVar
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


#: Seconds for which a node may hold up the next one. A server that is well answers within milliseconds. An origin waits
#: 0.8 s for a connection: it gets one in time although the first node is frozen or its packets are lost.
_PATIENCE = 0.4

Connection = TypeVar("Connection", bound=MySQLConnectionAbstract)
Open = Callable[[Node], Connection]


class NoUsableNodeError(mysql.connector.Error):
    """No node can be used. The message says of each node why; ``errno`` is set where all gave the same one."""


class _Attempt(NamedTuple, Generic[Connection]):
    """The end of one attempt."""

    node: Node
    result: Connection | BaseException


def first_to_connect(nodes: Sequence[Node], open_: Open[Connection]) -> tuple[Node, Connection]:
    """Try the nodes in this order. Returns the first that ``open_`` could connect to, and the connection.

    The next node is tried when one has failed, or has not answered for ``_PATIENCE`` seconds; a late connection to that
    one is closed. Raises ``NoUsableNodeError`` when all have failed, or the error of ``open_`` where it is none of the
    driver's.
    """
    race = _Race(open_)
    failed: dict[Node, mysql.connector.Error] = {}
    waiting = list(nodes)
    while len(failed) < len(nodes):
        if waiting:
            race.start(waiting.pop(0))
        attempt = race.next(_PATIENCE if waiting else None)
        if attempt is None:
            continue
        if isinstance(attempt.result, mysql.connector.Error):
            failed[attempt.node] = attempt.result
            continue
        race.end()
        if isinstance(attempt.result, BaseException):
            raise attempt.result
        return attempt.node, attempt.result
    raise _no_usable_node({node: failed[node] for node in nodes})


class _Race(Generic[Connection]):
    """Attempts to connect, each in a thread of its own."""

    def __init__(self, open_: Open[Connection]) -> None:
        self._open = open_
        self._attempts = queue.SimpleQueue[_Attempt[Connection]]()
        self._lock = threading.Lock()
        self._over = False

    def start(self, node: Node) -> None:
        """Begin an attempt."""
        threading.Thread(target=self._run, args=(node,), name=f"connecting to {node}", daemon=True).start()

    def next(self, seconds: float | None) -> _Attempt[Connection] | None:
        """Wait for the next attempt to end; None: none has ended in time."""
        with suppress(queue.Empty):
            return self._attempts.get(timeout=seconds)
        return None

    def end(self) -> None:
        """Close every connection that was opened meanwhile or will be."""
        with self._lock:
            self._over = True
        with suppress(queue.Empty):
            while True:
                _close(self._attempts.get_nowait().result)

    def _run(self, node: Node) -> None:
        result: Connection | BaseException
        try:
            result = self._open(node)
        except BaseException as error:  # of any kind: the caller gets it
            result = error
        with self._lock:
            if not self._over:
                self._attempts.put(_Attempt(node, result))
                return
        _close(result)


def _close(result: MySQLConnectionAbstract | BaseException) -> None:
    if not isinstance(result, BaseException):
        with suppress(mysql.connector.Error):
            result.close()


def _no_usable_node(failed: dict[Node, mysql.connector.Error]) -> NoUsableNodeError:
    numbers = {error.errno for error in failed.values()}
    return NoUsableNodeError(
        "no node of the database can be used; "
        + "; ".join(f"{node}: {' '.join(str(error).split())}" for node, error in failed.items()),
        errno=numbers.pop() if len(numbers) == 1 else None,
    )
