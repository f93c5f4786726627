"""Run a database with a binary log and its replicas, which lag or are promoted when a test says so."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Self

from mysql.connector.abstracts import MySQLConnectionAbstract

from stack.databases.database import Database
from stack.databases.program import on_mysql
from stack.processes.ports import free_port
from stack.processes.waiting import PATIENCE
from takedown_db.connection.connect import connect

_ACCOUNT = "replication"
_PASSWORD = "for a test, on loopback alone"
_NETWORK = {"skip-networking": "0", "bind-address": "127.0.0.1"}
_FIXED = MappingProxyType(
    _NETWORK | ({"gtid-mode": "ON", "enforce-gtid-consistency": "ON"} if on_mysql() else {"binlog-format": "ROW"})
)

# How a copy is told whom to follow, where a primary is, and how to wait for that: MySQL's words and MariaDB's.
if on_mysql():
    _FOLLOW = (
        "CHANGE REPLICATION SOURCE TO source_host = '127.0.0.1', source_port = {port}, source_user = '{user}',"
        " source_password = '{password}', get_source_public_key = 1, source_connect_retry = 1,"
        " source_auto_position = 1, source_delay = {delay}"
    )
    _POSITION, _WAIT = "SELECT @@GLOBAL.gtid_executed", "SELECT WAIT_FOR_EXECUTED_GTID_SET('{position}', {seconds})"
else:
    _FOLLOW = (
        "CHANGE MASTER TO master_host = '127.0.0.1', master_port = {port}, master_user = '{user}',"
        " master_password = '{password}', master_ssl = 0, master_connect_retry = 1,"
        " master_use_gtid = slave_pos, master_delay = {delay}"
    )
    _POSITION, _WAIT = "SELECT @@GLOBAL.gtid_binlog_pos", "SELECT MASTER_GTID_WAIT('{position}', {seconds})"


class Primary(Database):
    """A database with a binary log, on a port of 127.0.0.1. Start it before its replicas."""

    def __init__(self, directory: Path, *options: str, server_id: int = 1) -> None:
        """Take options of the server, and a ``server_id`` that no replica has."""
        self.port = free_port()
        ours = {**_FIXED, "server-id": server_id, "port": self.port, "log-bin": directory / "binlog"}
        super().__init__(directory, [*(f"--{name}={value}" for name, value in ours.items()), *options])

    def start(self) -> Self:
        """Start the server, and create the account of its replicas."""
        super().start()
        self._administer(
            f"CREATE USER IF NOT EXISTS {_ACCOUNT}@'127.0.0.1' IDENTIFIED BY '{_PASSWORD}'",
            f"GRANT REPLICATION SLAVE ON *.* TO {_ACCOUNT}@'127.0.0.1'",
        )
        return self

    def _administer(self, *statements: str) -> list[tuple[object, ...]]:
        """Run statements as the administrator. Returns the rows of the last one."""
        rows: list[tuple[object, ...]] = []
        url = self.admin_url().replace("/takedown?", "/mysql?")  # a new server has no other database
        with connect(url, timeout=int(PATIENCE), replica=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = [tuple(row) for row in cursor.fetchall()]
        return rows


class Replica(Primary):
    """A read-only replica of all that the primary has logged since its first start, accounts included."""

    def __init__(self, directory: Path, primary: Primary, *options: str, server_id: int = 2) -> None:
        super().__init__(
            directory,
            "--read-only=1",
            f"--log-{'replica' if on_mysql() else 'slave'}-updates=1",
            *options,
            server_id=server_id,
        )
        self._passwords = primary._passwords
        self._primary = primary

    def start(self) -> Self:
        """Start the server; at its first start also replicate the primary, without delay."""
        Database.start(self)
        if not self._administer("SHOW REPLICA STATUS"):
            self.follow(self._primary)
        return self

    def connect_admin(self) -> MySQLConnectionAbstract:
        """Connect as the administrator, who may also write."""
        return connect(self.admin_url(), timeout=30, replica=True)

    def connect(self, account: str) -> MySQLConnectionAbstract:
        """Connect as one of the accounts, which may only read until the replica is promoted."""
        return connect(self.url(account), timeout=30, replica=True)

    def follow(self, primary: Primary, *, delay: int = 0) -> None:
        """Replicate this primary from now on, ``delay`` seconds behind it."""
        self._primary = primary
        self._administer(
            "STOP REPLICA",
            _FOLLOW.format(port=primary.port, user=_ACCOUNT, password=_PASSWORD, delay=delay),
            "START REPLICA",
        )

    def wait_caught_up(self) -> None:
        """Wait until the replica has applied all that its primary has committed by now. Raises ``TimeoutError``."""
        ((position,),) = self._primary._administer(_POSITION)
        ((outcome,),) = self._administer(_WAIT.format(position=position, seconds=PATIENCE))
        if outcome != 0:
            raise TimeoutError(f"the replica has not applied {position}: {self._administer('SHOW REPLICA STATUS')}")

    @contextmanager
    def behind(self) -> Iterator[None]:
        """Stop applying changes inside the block, or until the promotion, so that the replica lags."""
        self._administer("STOP REPLICA SQL_THREAD")
        try:
            yield
        finally:
            if self._administer("SHOW REPLICA STATUS"):
                self._administer("START REPLICA SQL_THREAD")

    def promote(self) -> None:
        """Promote the replica to a primary with the changes that it has applied; the others are lost."""
        self._administer("STOP REPLICA", "RESET REPLICA ALL", "SET GLOBAL read_only = 0")
