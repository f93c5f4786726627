"""Choose between the nodes of a database URL, and connect to the first that is usable."""

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any, cast

import mysql.connector
import pytest
from mysql.connector.abstracts import MySQLConnectionAbstract

from takedown_db.connection.node_choice import (
    NodeChoice,
    NoUsableNodeError,
    first_to_connect,
    is_suspect,
    node_of,
    remember,
    report_failure,
)
from takedown_db.connection.url import Node

A, B, C = NODES = (Node("a"), Node("b"), Node("c"))
LOST = mysql.connector.Error("Lost connection", errno=2013)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Connection:
    """An open connection."""

    def __init__(self) -> None:
        self.closed = threading.Event()

    def close(self) -> None:
        self.closed.set()


def connection() -> MySQLConnectionAbstract:
    return cast(MySQLConnectionAbstract, Connection())


def test_the_node_in_use_is_tried_first_and_the_others_in_the_order_of_the_url() -> None:
    choice = NodeChoice(NODES)
    assert choice.order() == (A, B, C)
    choice.worked(B)
    assert choice.order() == (B, C, A)
    choice.failed(B)
    assert choice.order() == (C, A, B)


def test_a_failure_of_another_node_than_the_one_in_use_changes_nothing() -> None:
    choice = NodeChoice(NODES)
    choice.failed(A)
    choice.failed(A)  # by another thread, whose connection went to the same node
    assert choice.order() == (B, C, A)


def test_connections_that_were_opened_before_a_failure_are_suspect_and_later_ones_are_not() -> None:
    choice = NodeChoice(NODES)
    idle, failing, other, later = connection(), connection(), connection(), connection()
    remember(idle, choice, A, opened=0.0)
    remember(failing, choice, A, opened=0.0)
    remember(other, choice, B, opened=0.0)
    report_failure(failing, LOST)
    assert is_suspect(idle)
    assert not is_suspect(other)
    remember(later, choice, A, opened=float("inf"))
    assert not is_suspect(later)


@pytest.mark.parametrize("errno", [2006, 2013, 2055, 1047, 1290, 3100, 3797])
def test_an_error_that_is_the_nodes_moves_on(errno: int) -> None:
    choice, broken = NodeChoice(NODES), connection()
    remember(broken, choice, A, opened=0.0)
    report_failure(broken, mysql.connector.Error("x", errno=errno))
    assert choice.order() == (B, C, A)


@pytest.mark.parametrize("errno", [1064, 1205, 1213, 1644, 4025])
def test_an_error_that_is_the_statements_stays(errno: int) -> None:
    choice, kept = NodeChoice(NODES), connection()
    remember(kept, choice, A, opened=0.0)
    report_failure(kept, mysql.connector.Error("x", errno=errno))
    assert choice.order() == (A, B, C)
    assert not is_suspect(kept)


def test_a_connection_to_a_single_server_has_no_node() -> None:
    alone = connection()
    report_failure(alone, LOST)
    report_failure(None, LOST)
    assert not is_suspect(alone)
    assert node_of(alone) is node_of(None) is None


class Nodes:
    """Nodes, each with an error, a connection, a function that makes one, or an event that it waits for."""

    def __init__(self, **outcomes: Any) -> None:
        self.outcomes = outcomes
        self.tried: list[str] = []
        self.over = threading.Event()

    def open(self, node: Node) -> MySQLConnectionAbstract:
        self.tried.append(node.host)
        outcome = self.outcomes[node.host]
        if isinstance(outcome, threading.Event):
            outcome.wait(60)
            raise mysql.connector.Error("too late")
        if isinstance(outcome, Exception):
            raise outcome
        if callable(outcome):
            outcome = outcome()
        return cast(MySQLConnectionAbstract, outcome)


def assert_used(
    nodes: Sequence[Node], open_: Callable[[Node], MySQLConnectionAbstract], node: Node, expected: Connection
) -> None:
    used, opened = first_to_connect(nodes, open_)
    assert (used, cast(Connection, opened)) == (node, expected)


@pytest.fixture
def forever() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_the_first_node_that_is_usable_is_used_and_no_other_is_tried() -> None:
    opened = Connection()
    nodes = Nodes(a=opened)
    assert_used(NODES, nodes.open, A, opened)
    assert nodes.tried == ["a"]


def test_a_node_that_refuses_is_passed_over() -> None:
    opened = Connection()
    nodes = Nodes(a=mysql.connector.Error("read-only"), b=opened)
    assert_used(NODES, nodes.open, B, opened)


def test_a_node_that_gives_no_answer_holds_up_nobody(forever: threading.Event) -> None:
    opened = Connection()
    nodes = Nodes(a=forever, b=mysql.connector.Error("read-only"), c=opened)
    assert_used(NODES, nodes.open, C, opened)
    assert nodes.tried == ["a", "b", "c"]


def test_a_slow_node_is_used_where_no_other_is_usable() -> None:
    refused = threading.Event()
    slow = Connection()

    def late() -> Connection:
        refused.wait(60)
        return slow

    def refuse() -> Connection:
        refused.set()
        raise mysql.connector.Error("read-only")

    assert_used((A, B), Nodes(a=late, b=refuse).open, A, slow)


def test_a_connection_that_comes_too_late_is_closed() -> None:
    late, go_on = Connection(), threading.Event()

    def slow() -> Connection:
        go_on.wait(60)
        return late

    _, used = first_to_connect((A, B), Nodes(a=slow, b=Connection()).open)
    go_on.set()
    assert late.closed.wait(60)
    assert not cast(Connection, used).closed.is_set()


def test_the_error_says_what_each_node_said() -> None:
    nodes = Nodes(**{name: mysql.connector.Error(f"reason {name}") for name in "abc"})
    with pytest.raises(NoUsableNodeError, match="a:3306: reason a; b:3306: reason b; c:3306: reason c") as caught:
        first_to_connect(NODES, nodes.open)
    assert caught.value.errno == -1


def test_the_error_has_the_number_that_all_nodes_gave() -> None:
    nodes = Nodes(**dict.fromkeys("abc", mysql.connector.Error("denied", errno=1045)))
    with pytest.raises(NoUsableNodeError) as caught:
        first_to_connect(NODES, nodes.open)
    assert caught.value.errno == 1045


def _fault(node: Node) -> MySQLConnectionAbstract:
    raise ValueError(node.host)


def test_an_error_that_is_not_the_drivers_is_raised_at_once() -> None:
    open_: Callable[[Node], MySQLConnectionAbstract] = _fault
    with pytest.raises(ValueError, match="a"):
        first_to_connect(NODES, open_)
