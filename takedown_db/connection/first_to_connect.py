"""Opens a connection to the first of several nodes that is usable, and does not wait for one that gives no answer."""

import queue
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Generic, NamedTuple, TypeVar

import mysql.connector
from mysql.connector.abstracts import MySQLConnectionAbstract

from takedown_db.connection.url import Node

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
