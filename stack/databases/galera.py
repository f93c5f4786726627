"""Run a Galera cluster of MariaDB servers on loopback, whose nodes transfer their state by mariadb-backup."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import mysql.connector

from stack.databases.cluster import TIMEOUT, Cluster, ClusterNode
from stack.databases.program import MariaDb
from stack.processes.commands import run_apart
from stack.processes.ports import free_port
from stack.processes.server import Server, ServerFailedError

#: The library of Debian's package galera-4.
_PROVIDER = Path("/usr/lib/galera/libgalera_smm.so")

#: Commands that a state transfer needs, with their Debian packages.
_TRANSFER = {"wsrep_sst_mariabackup": "mariadb-server", "mariadb-backup": "mariadb-backup", "socat": "socat"}

#: Options of the provider. By default a node that is frozen stops all commits for 5 s, and one that is gone is given up
#: after 15 s: too late for the lease of the edges. These take two and five seconds.
_PROVIDER_OPTIONS = (
    "gcache.size=16M;evs.inactive_check_period=PT0.2S;evs.keepalive_period=PT0.4S;evs.suspect_timeout=PT2S;"
    "evs.inactive_timeout=PT5S;evs.install_timeout=PT5S"
)


def lacking() -> str:
    """Return the reason why no Galera cluster can run here; empty if one can."""
    packages = [package for program, package in _TRANSFER.items() if shutil.which(program) is None]
    packages += [] if _PROVIDER.exists() else ["galera-4"]
    return f"needs Debian's {', '.join(packages)}" if packages else ""


class GaleraNode(ClusterNode):
    """One node. Its first start gets the data from another node, unless it begins the cluster."""

    def __init__(self, directory: Path, number: int, ports: list[int]) -> None:
        """Take the number of the node, from 1 on, and the ports by which all nodes reach each other."""
        port, last = ports[number - 1], len(ports)
        members = ",".join(f"127.0.0.1:{each}" for each in ports)
        provider = f"base_port={port};gmcast.listen_addr=tcp://127.0.0.1:{port};ist.recv_addr=127.0.0.1:{free_port()}"
        options = [
            *("--wsrep-on=ON", f"--wsrep-provider={_PROVIDER}", "--wsrep-cluster-name=images", "--wsrep-sync-wait=1"),
            *(f"--wsrep-cluster-address=gcomm://{members}", f"--wsrep-node-name=node{number}"),
            *("--wsrep-node-address=127.0.0.1", f"--wsrep-node-incoming-address=127.0.0.1:{free_port()}"),
            f"--wsrep-provider-options={provider};{_PROVIDER_OPTIONS}",
            *("--wsrep-sst-method=mariabackup", f"--wsrep-sst-receive-address=127.0.0.1:{free_port()}"),
            # The first node of the URLs is in use, so the last one spends the time of a transfer.
            f"--wsrep-sst-donor=node{last if number < last else last - 1},",
            # With this plugin the options, all but those that it lists, cannot be changed at run time.
            "--plugin-wsrep-provider=OFF",
            "--ssl",  # mariadb-backup connects only with TLS
            *("--binlog-format=ROW", "--innodb-autoinc-lock-mode=2", f"--server-id={number}"),
        ]
        super().__init__(directory, options, MariaDb())

    def start(self) -> Self:
        """Join the cluster, and wait until the node has all of its transactions.

        A node that has its data asks for the transactions since (IST), and otherwise for everything (SST).
        """
        # Not Database.start, which makes the first files: all come from another node.
        self._data.mkdir(exist_ok=True)
        with self._options(*self._position()):
            Server.start(self)
        return self

    def begin_cluster(self) -> None:
        """Start as the first node of a new cluster."""
        if not self.has_data():
            self._program.initialise(self._place, self.envvars)
        with self._options("--wsrep-new-cluster"):
            Server.start(self)

    def launch(self) -> None:
        """Start the process of a node that has its data, and do not wait."""
        with self._options(*self._position()):
            super().launch()

    def copy_data(self, node: "GaleraNode") -> None:
        """Take the data of a node that was stopped, so that the first start needs no transfer of all data."""
        shutil.copytree(node._data, self._data, ignore=shutil.ignore_patterns("galera.cache", "gvwstate.dat"))

    def has_data(self) -> bool:
        """Tell whether the node was in a cluster before."""
        return self._state_file.exists()

    def after_start_check(self) -> bool:
        """Tell whether the node takes statements and is in step with the others."""
        return super().after_start_check() and self.in_step()

    def in_step(self) -> bool:
        """Tell whether the node, as far as it knows, is part of the cluster and has all of its transactions."""
        return self.status("wsrep_local_state_comment") == "Synced"

    def members_seen(self) -> int:
        """Count the nodes of the cluster that this one sees, itself among them."""
        return int(self.status("wsrep_cluster_size") or 0)

    def status(self, name: str) -> str:
        """Return a status variable of the node, such as ``wsrep_cluster_size``; empty while it takes no connections."""
        with suppress(mysql.connector.Error):
            rows = self.administer(f"SHOW STATUS WHERE Variable_name = '{name}'")
            return str(rows[0][1]) if rows else ""
        return ""

    def administer(self, *statements: str, timeout: int = TIMEOUT) -> list[tuple[Any, ...]]:
        """Run statements as the administrator, also where the other nodes do not answer. Returns the last rows."""
        return super().administer("SET SESSION wsrep_sync_wait = 0", *statements, timeout=timeout)

    def isolate(self, isolated: bool = True) -> None:
        """Cut the node off from the other nodes, though not from its clients; or end that."""
        self.administer(f"SET GLOBAL wsrep_provider_options = 'gmcast.isolate={isolated:d}'")

    @contextmanager
    def _options(self, *options: str) -> Iterator[None]:
        before = self.command_parts
        self.command_parts = [*before, *options]
        try:
            yield
        finally:
            self.command_parts = before

    @property
    def _state_file(self) -> Path:
        return self._data / "grastate.dat"

    def _position(self) -> list[str]:
        """Return the option that names the last transaction of a node that was killed, as Debian's service does."""
        if not self.has_data() or not re.search(r"^seqno:\s*-1$", self._state_file.read_text(), re.MULTILINE):
            return []
        recovering = run_apart([*self.command_parts, "--wsrep-recover"], self.envvars)
        found = re.search(r"Recovered position: (\S+)", recovering.stdout + recovering.stderr)
        if found is None:
            raise ServerFailedError(f"{self.name} does not name its position\n{recovering.stderr}")
        return [f"--wsrep-start-position={found[1]}"]


class Galera(Cluster):
    """A cluster whose nodes all take writes."""

    def __init__(self, directory: Path, size: int = 3) -> None:
        """Raise ``ServerFailedError`` where Galera is not installed."""
        if reason := lacking():
            raise ServerFailedError(f"a Galera cluster {reason}")
        ports = [free_port() for _ in range(size)]
        self.nodes = [GaleraNode(directory / f"node{number}", number, ports) for number in range(1, size + 1)]
        super().__init__(directory, self.nodes)

    def begin(self) -> None:
        """Start the first node, and have the others join it."""
        first, *others = self.nodes
        first.begin_cluster()
        first.stop()
        for node in others:
            node.copy_data(first)
        first.begin_cluster()
        for node in others:
            node.start()

    def restart(self) -> None:
        """Start all nodes after all have ended: they wait for each other (``pc.recovery``)."""
        for node in self.nodes:
            node.launch()
        for node in self.nodes:
            node.wait_started()
