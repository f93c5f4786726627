"""Run a Galera cluster on loopback. Nodes after the first start from a copy of its data directory."""

import shutil
from contextlib import ExitStack
from pathlib import Path

from stack.database import Database
from stack.ports import free_port
from stack.waiting import wait_until

#: The library of Debian's package galera-4.
PROVIDER = Path("/usr/lib/galera/libgalera_smm.so")

#: Holds the script ``wsrep_sst_copied``, by which a node that joins gets its data. It has to be in PATH.
SCRIPTS = Path(__file__).parent.parent / "data" / "galera"


class GaleraCluster(ExitStack):
    """A cluster of ``size`` nodes with the schema. A commit at one node reaches all others."""

    def __init__(self, directory: Path, size: int) -> None:
        super().__init__()
        self._ports = [free_port() for _ in range(size)]
        self.nodes = [Database(directory / f"node{number}", self._options(number)) for number in range(size)]
        first = self.nodes[0].start()
        self.callback(first.stop)
        first.migrate()
        first.stop()
        for node in self.nodes[1:]:
            node._passwords = first._passwords
            shutil.copytree(first._data, node._data, ignore=shutil.ignore_patterns("galera.cache", "gvwstate.dat"))
            (node.directory / "position").write_text(_position(first._data / "grastate.dat"))
        first.start()
        for node in self.nodes[1:]:
            self.enter_context(node)
        wait_until(lambda: all(_size(node) == size for node in self.nodes), f"{size} nodes in the view of each node")

    def _options(self, number: int) -> list[str]:
        port = self._ports[number]
        others = ",".join(f"127.0.0.1:{each}" for each in self._ports) if number else ""
        provider = f"base_port={port};gmcast.listen_addr=tcp://127.0.0.1:{port};gcache.size=16M"
        return [
            *("--wsrep-on=ON", f"--wsrep-provider={PROVIDER}", "--wsrep-cluster-name=images", "--wsrep-sync-wait=1"),
            *(f"--wsrep-cluster-address=gcomm://{others}", f"--wsrep-node-name=node{number}"),
            *("--wsrep-node-address=127.0.0.1", f"--wsrep-node-incoming-address=127.0.0.1:{free_port()}"),
            f"--wsrep-provider-options={provider};ist.recv_addr=127.0.0.1:{free_port()}",
            *("--wsrep-sst-method=copied", "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2"),
            f"--server-id={number + 1}",
        ]


def _position(state: Path) -> str:
    """Read from ``grastate.dat`` the last event that a node has, as UUID:SEQNO."""
    values = dict(line.split(":", 1) for line in state.read_text().splitlines() if ":" in line)
    return f"{values['uuid'].strip()}:{values['seqno'].strip()}\n"


def _size(node: Database) -> int:
    with node.connect_admin() as connection, connection.cursor() as cursor:
        cursor.execute("SHOW STATUS WHERE Variable_name IN ('wsrep_ready', 'wsrep_cluster_size')")
        status = {str(name): str(value) for name, value in cursor.fetchall()}
    return int(status["wsrep_cluster_size"]) if status["wsrep_ready"] == "ON" else 0
