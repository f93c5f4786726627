"""Kill, freeze and cut off nodes of a cluster under a running stack: nothing is lost, and takedowns go on.

They run when ``TEST_CLUSTER_FAILOVER`` is set: on a busy machine a state transfer of Galera's may fail, and then the
node does not start. Group Replication needs MySQL 8.4 or later: ``STACK_MYSQLD`` is the path of its mysqld, unless PATH
has it.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from itertools import count

import mysql.connector
import pytest
import requests

from stack.databases import galera, replication_group
from stack.databases.cluster import ClusterNode
from stack.databases.galera import GaleraNode
from stack.processes.server import frozen
from stack.processes.waiting import wait_until
from stack.system import Stack, StackSettings
from tests.support.ask_again import ask_again
from tests.support.sites.cluster_site import Bans, Readers, add_images, cluster_of, node_in_use

pytestmark = [
    pytest.mark.timeout(600),
    pytest.mark.skipif("TEST_CLUSTER_FAILOVER" not in os.environ, reason="TEST_CLUSTER_FAILOVER is not set"),
]

#: Engines, with what each lacks here, and the lease of the edge in seconds: a group elects a primary after 7 s or more.
_ENGINES: dict[str, tuple[Callable[[], str], float]] = {
    "galera": (galera.lacking, 10.0),
    "group": (replication_group.lacking, 30.0),
}
_numbers = count(1)


@pytest.fixture(scope="module", params=_ENGINES)
def stack(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run a stack on a cluster. Tests start the nodes again that they stop."""
    lacking, lease = _ENGINES[request.param]
    if reason := lacking():
        pytest.skip(reason)
    settings = StackSettings(cluster=request.param, edge_settings={"lease": lease})
    with Stack(tmp_path_factory.mktemp("stack"), settings) as running:
        yield running


def assert_nothing_lost(stack: Stack, codes: list[str]) -> None:
    """Assert that all of these images are banned on each node, and gone from the edge."""
    stack.settle()
    stack.edge.wait_trusted()
    listed = ", ".join(f"'{code}'" for code in codes)
    query = f"SELECT COUNT(DISTINCT subject) FROM takedown.bans WHERE subject IN ({listed}) AND lifted_at IS NULL"
    for node in cluster_of(stack).members:
        wait_until(partial(has_all, node, query, len(codes)), f"all bans at {node.directory.name}")
    assert {status_of(f"{stack.edge.url}/images/{code}") for code in codes[::50]} == {410}


def status_of(url: str) -> int:
    return ask_again(lambda: requests.get(url, timeout=60), url).status_code


def has_all(node: ClusterNode, query: str, number: int) -> bool:
    """Tell whether a node shows as many rows. One that was left behind may refuse to, until it has joined again."""
    with suppress(mysql.connector.Error):
        return node.running() and node.administer(query) == [(number,)]
    return False


def test_a_node_killed_in_the_middle_of_a_bulk_loses_nothing_and_delays_no_heartbeat(stack: Stack) -> None:
    codes = add_images(stack, f"bulk-{next(_numbers)}", 3000)
    bans = Bans(stack, codes)
    readers = Readers(stack, bans)
    victim = node_in_use(stack)
    with readers.reading():
        with bans.committing():
            assert bans.begun.wait(60)
            victim.kill()
        stack.settle()
        victim.start()  # by the transactions that it has missed
    readers.assert_content()
    assert {200, 410} <= set(readers.statuses)
    assert node_in_use(stack) is not victim
    assert_nothing_lost(stack, codes)


@contextmanager
def isolated(node: ClusterNode) -> Iterator[None]:
    """Cut a node off from the other nodes; programs go on reaching it."""
    if not isinstance(node, GaleraNode):
        pytest.skip("MySQL cannot be told to leave the other members alone")
    node.isolate()
    try:
        yield
    finally:
        node.isolate(False)


@pytest.mark.parametrize("broken", [frozen, isolated])
def test_a_node_in_use_that_stands_still_or_is_cut_off_from_the_others_is_left(
    stack: Stack, broken: Callable[[ClusterNode], AbstractContextManager[None]]
) -> None:
    codes = add_images(stack, f"left-{next(_numbers)}", 300)
    bans = Bans(stack, codes)
    readers = Readers(stack, bans)
    victim = node_in_use(stack)
    with readers.reading():
        with broken(victim):
            bans.commit_all()
            stack.settle()
            assert status_of(f"{stack.origin.url}/images/{codes[0]}") == 410
        cluster_of(stack).wait_whole()
    readers.assert_content()
    assert_nothing_lost(stack, codes)


def test_a_node_that_lost_its_disk_gets_everything_while_bans_go_on(stack: Stack) -> None:
    codes = add_images(stack, f"disk-{next(_numbers)}", 1000)
    bans = Bans(stack, codes)
    readers = Readers(stack, bans)
    victim = node_in_use(stack)
    with readers.reading():
        victim.kill()
        victim.discard_data()
        with bans.committing():
            victim.start()
    readers.assert_content()
    assert_nothing_lost(stack, codes)
