"""Kill, freeze, cut off or empty single nodes of a database cluster. The others go on meanwhile."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from stack.databases.cluster import Cluster, ClusterNode
from stack.databases.galera import GaleraNode
from stack.processes.server import away, frozen
from tests.chaos.faults.base import Scene, fault, mended
from tests.support.database.cluster_proxies import ClusterProxies
from tests.support.faulty_proxy import Proxy

_BOTH = frozenset({"galera", "group"})
_GALERA = frozenset({"galera"})


@contextmanager
def _one_node(scene: Scene) -> Iterator[ClusterNode]:
    """Choose a node, and wait at the end until all nodes are one cluster again: the next fault breaks another one."""
    cluster = scene.system.database
    assert isinstance(cluster, Cluster)
    yield scene.random.choice(cluster.members)
    cluster.wait_whole()


@fault("node killed", engines=_BOTH)
def killed(scene: Scene) -> None:
    """Kill a node. It joins again with the transactions that it has missed."""
    with _one_node(scene) as node, away(node):
        scene.while_broken()


@fault("node frozen", engines=_BOTH)
def stands_still(scene: Scene) -> None:
    """Freeze a node: the others leave it behind, which it learns of when it goes on."""
    with _one_node(scene) as node, frozen(node):
        scene.while_broken()


@fault("node without its disk", engines=_BOTH)
def without_disk(scene: Scene) -> None:
    """Kill a node and delete its data. It gets all of them from another node, while that serves and is written to."""
    with _one_node(scene) as node:
        node.kill()
        node.discard_data()
        node.start()


@fault("nodes restarted one by one", engines=_BOTH)
def restarted(scene: Scene) -> None:
    """Stop each node in its turn and start it again, as for an upgrade."""
    cluster = scene.system.database
    assert isinstance(cluster, Cluster)
    for node in cluster.members:
        node.stop()
        node.start()
        cluster.wait_whole()


@fault("node cut off from its clients", engines=_BOTH)
def cut_off(scene: Scene) -> None:
    """Hold all that origin and purger send to a node, or all of its answers. The other nodes reach it."""
    with _one_node(scene) as node, ExitStack() as mending:
        for proxy in _proxies_of(scene, node):
            direction = scene.random.choice([proxy.up, proxy.down])
            mending.enter_context(mended(direction))
            direction.cut()
        scene.while_broken()


@fault("node far from its clients", engines=_BOTH, loosens=False)
def far(scene: Scene) -> None:
    """Delay each answer of a node, by less than makes programs leave it."""
    with _one_node(scene) as node, ExitStack() as mending:
        for proxy in _proxies_of(scene, node):
            mending.enter_context(mended(proxy.down))
            proxy.down.delay = lambda: scene.random.uniform(0, 0.05)
        scene.system.pause(5)


@fault("node cut off from the others", engines=_GALERA)
def isolated(scene: Scene) -> None:
    """Cut a node off from the other nodes, while origin and purger go on reaching it."""
    with _one_node(scene) as node:
        assert isinstance(node, GaleraNode)
        node.isolate()
        try:
            scene.while_broken()
        finally:
            node.isolate(False)


def _proxies_of(scene: Scene, node: ClusterNode) -> list[Proxy]:
    """Return the proxies by which origin and purger reach a node."""
    paths = (*scene.system.database_proxies, scene.system.lookup_proxy)
    return [path.of_nodes[node] for path in paths if isinstance(path, ClusterProxies)]
