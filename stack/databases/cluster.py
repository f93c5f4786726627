"""Run several database servers as one database: the common part of Galera and Group Replication."""

import shutil
from abc import ABC, abstractmethod
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any, Self

import mysql.connector
from mirakuru.base import SimpleExecutor
from mirakuru.exceptions import ExecutorError

from stack.databases.database import Database
from stack.databases.program import Program
from stack.processes.server import ServerFailedError
from stack.processes.waiting import PATIENCE, wait_until
from takedown_db.connection.connect import connect

#: Seconds that a statement of the administrator may take: a node that joins may wait for the others.
TIMEOUT = 60

#: Seconds that a node may take to start: it may get all data from another node first.
_START = 3 * PATIENCE


class ClusterNode(Database, ABC):
    """One server of a cluster."""

    def __init__(self, directory: Path, options: Sequence[str], program: Program) -> None:
        super().__init__(directory, options, program)
        self._timeout = _START

    def launch(self) -> None:
        """Start the server's process, and do not wait. ``wait_started`` does."""
        self._log_start = self.log.stat().st_size
        SimpleExecutor.start(self)

    def wait_started(self) -> None:
        """Wait until the launched server is ready. Raises ``ServerFailedError``."""
        try:
            self.wait_for(self.check_subprocess)
        except (ExecutorError, OSError) as error:
            raise ServerFailedError(f"{self.name} did not start: {error}\n{self.log_tail()}") from None

    @abstractmethod
    def in_step(self) -> bool:
        """Tell whether the server, as far as it knows, is part of the cluster and has all of its transactions."""

    @abstractmethod
    def members_seen(self) -> int:
        """Count the members of the cluster in step with it that the server sees, itself among them."""

    def rejoin(self) -> None:
        """Join the cluster again where the server does not do so by itself."""

    def discard_data(self) -> None:
        """Delete the data of a server that is down, as if its disk was lost: its next start gets all from another."""
        shutil.rmtree(self._data)

    def administer(self, *statements: str, timeout: int = TIMEOUT) -> list[tuple[Any, ...]]:
        """Run statements as the administrator, on this server in whatever state it is. Returns the last one's rows."""
        rows: list[tuple[Any, ...]] = []
        url = self.admin_url().replace(f"/{self.name_of_database}?", "/mysql?")  # a new server has no other database
        with connect(url, timeout=timeout, replica=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
        return rows


class Cluster(Database, ABC):
    """The moderation database on several nodes, which start, stop, freeze and die together. Its URLs name all nodes."""

    def __init__(self, directory: Path, nodes: Sequence[ClusterNode]) -> None:
        super().__init__(directory)
        self.members: Sequence[ClusterNode] = nodes
        self.socket = nodes[0].socket
        for node in nodes:
            node.share_passwords(self)

    def start(self) -> Self:
        """Start all nodes: at the first time as a new cluster, and later as the one that they were."""
        with ExitStack() as starting:
            starting.callback(self.kill)
            if self.members[0].has_data():
                self.restart()
            else:
                self.begin()
            starting.pop_all()
        return self

    @abstractmethod
    def begin(self) -> None:
        """Make a new cluster."""

    @abstractmethod
    def restart(self) -> None:
        """Start the nodes of a cluster that was stopped or killed as a whole."""

    def stop(self, stop_signal: int | None = None, expected_returncode: int | None = None) -> Self:
        """Stop all nodes, the first one last."""
        with ExitStack() as stopping:
            for node in self.members:
                stopping.callback(node.stop, stop_signal, expected_returncode)
        return self

    def kill(self, wait: bool = True, sig: int | None = None) -> Self:
        """Kill all nodes (SIGKILL) at the same time."""
        for node in self.members:
            node.kill(wait=False, sig=sig)
        for node in self.members:
            node.kill(wait, sig)
        return self

    def running(self) -> bool:
        """Tell whether any node runs."""
        return any(node.running() for node in self.members)

    def check(self) -> None:
        """Raise ``ServerFailedError`` when a node has ended by itself."""
        for node in self.members:
            node.check()

    def pause(self) -> None:
        """Freeze all nodes."""
        for node in self.members:
            node.pause()

    def resume(self) -> None:
        """Let all nodes go on."""
        for node in self.members:
            node.resume()

    def log_text(self) -> str:
        """Return what the nodes have logged since their latest starts."""
        return "".join(node.log_text() for node in self.members)

    def wait_whole(self) -> None:
        """Wait until each node is in step with all others, and knows it. Raises ``TimeoutError``."""

        def whole() -> bool:
            seen = [self._members_seen(node) for node in self.members]
            return all(number == len(self.members) for number in seen)

        wait_until(whole, "the cluster is whole", _START)

    @staticmethod
    def _members_seen(node: ClusterNode) -> int:
        with suppress(mysql.connector.Error):
            if node.in_step():
                return node.members_seen()
            node.rejoin()
        return 0

    def sockets(self) -> list[Path]:
        """Return the sockets of all nodes."""
        return [node.socket for node in self.members]
