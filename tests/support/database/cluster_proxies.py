"""Run a proxy before each node of a cluster, and use them as one proxy."""

from collections.abc import Callable, Sequence
from urllib.parse import quote

from stack.databases.cluster import Cluster
from tests.support.faulty_proxy import Direction, Proxies, Proxy


class Directions(Direction):
    """One direction of several proxies."""

    def __init__(self, directions: Sequence[Direction]) -> None:
        self._directions = tuple(directions)

    def __setattr__(self, name: str, value: Callable[[], float] | tuple[int, float] | bool | None) -> None:
        """Give each direction the setting ``delay``, ``drip`` or ``lose``."""
        super().__setattr__(name, value)
        if name in {"delay", "drip", "lose"}:
            for direction in self._directions:
                setattr(direction, name, value)

    def cut(self) -> None:
        """Deliver nothing until mend()."""
        for direction in self._directions:
            direction.cut()

    def mend(self) -> None:
        """Deliver the bytes that were held or late, and from now on all bytes as they arrive."""
        for direction in self._directions:
            direction.mend()


class ClusterProxies(Proxy):
    """A proxy before each node of a cluster. ``up`` and ``down`` are those of all nodes."""

    def __init__(self, proxies: Proxies, cluster: Cluster) -> None:
        self.of_nodes = {node: proxies.to(node.socket) for node in cluster.members}
        self.up = Directions([proxy.up for proxy in self.of_nodes.values()])
        self.down = Directions([proxy.down for proxy in self.of_nodes.values()])

    def replaced(self, url: str) -> str:
        """Replace the nodes' sockets in a URL by those of the proxies."""
        for node, proxy in self.of_nodes.items():
            url = url.replace(quote(str(node.socket)), quote(str(proxy.socket)))
        return url
