"""Run a group of MySQL servers on loopback (Group Replication, single-primary), which clone each other's state."""

import os
import re
import shutil
import subprocess
import uuid
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Self

import mysql.connector

from stack.databases.cluster import Cluster, ClusterNode
from stack.databases.program import VARIABLE, MySql
from stack.processes.ports import free_port
from stack.processes.server import ServerFailedError
from stack.processes.waiting import wait_until

_PASSWORD = "for a test, only on loopback"

#: Statements of the account by which members get their state from each other. Each server has it before it joins.
_RECOVERY_ACCOUNT = (
    "SET sql_log_bin = 0",
    f"CREATE USER IF NOT EXISTS recovery@'%' IDENTIFIED BY '{_PASSWORD}'",
    "GRANT REPLICATION SLAVE, BACKUP_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO recovery@'%'",
)

#: Settings of the plugin, by their names without ``group_replication_``. By default a member that gives no answer is
#: expelled 10 s after its last one: too late for the lease of the edges. This takes half as long, the least there is.
_SETTINGS: dict[str, str | int] = {"member-expel-timeout": 0, "start-on-boot": "OFF"}


@cache
def lacking() -> str:
    """Return the reason why no group can run here; empty if one can."""
    path = os.environ.get(VARIABLE) or shutil.which("mysqld")
    if path is None:
        return f"needs MySQL 8.4 or later: {VARIABLE} names its mysqld"
    shown = subprocess.run([path, "--no-defaults", "--verbose", "--help"], capture_output=True, text=True, check=False)
    version = re.search(r"\bVer (\d+)\.(\d+)\.", shown.stdout)
    plugins = re.search(r"^plugin-dir\s+(.*)$", shown.stdout, re.MULTILINE)
    if "MariaDB" in shown.stdout or version is None or (int(version[1]), int(version[2])) < (8, 4):
        return f"{path} is no MySQL 8.4 or later: {VARIABLE} names another"
    if plugins is None or not Path(plugins[1], "group_replication.so").exists():
        return f"{path} has no plugin group_replication.so"
    return ""


class Member(ClusterNode):
    """One server of a group."""

    def __init__(self, directory: Path, number: int, settings: dict[str, str | int]) -> None:
        """Take the number of the member, from 1 on, and settings of the plugin."""
        port = free_port()
        ours = {
            "server-id": number,
            "port": port,
            "bind-address": "127.0.0.1",
            "skip-networking": "0",
            "report-host": "127.0.0.1",
            "log-bin": directory / "binlog",
            "gtid-mode": "ON",
            "enforce-gtid-consistency": "ON",
            "plugin-load-add": "group_replication.so;mysql_clone.so",
            # The group makes its primary writable. A member outside of it that takes writes could never join again.
            "super-read-only": "ON",
            # As MySQL's manual advises for members of a group.
            "disabled-storage-engines": "MyISAM,BLACKHOLE,FEDERATED,ARCHIVE,MEMORY",
            **{f"group-replication-{name}": value for name, value in settings.items()},
        }
        mysqld = MySql(os.environ.get(VARIABLE) or "mysqld")
        super().__init__(directory, [f"--{name}={value}" for name, value in ours.items()], mysqld)

    def start(self) -> Self:
        """Start the server, and join the group with the transactions since; a server without data gets all (clone)."""
        lost = not self.has_data()
        self.start_alone()
        if lost:
            self._clone()
        self.join()
        return self

    def start_alone(self) -> None:
        """Start the server outside of the group."""
        super().start()
        if not self.administer("SELECT 1 FROM mysql.user WHERE user = 'recovery'"):
            writable, read_only = (f"SET GLOBAL super_read_only = {state}" for state in ("OFF", "ON"))
            self.administer(writable, *_RECOVERY_ACCOUNT, read_only)

    def copy_data(self, member: "Member") -> None:
        """Take the data of a server that is down, without the UUID that it gave itself at its first start."""
        shutil.copytree(member._data, self._data, ignore=shutil.ignore_patterns("auto.cnf"))

    def discard_data(self) -> None:
        """Delete the data of a server that is down, with its binary log."""
        super().discard_data()
        for log in self.directory.glob("binlog.*"):
            log.unlink()

    def initialise(self) -> None:
        """Make the first files, and do not start."""
        self._program.initialise(self._place, self.envvars)

    def bootstrap(self) -> None:
        """Start the group by this member, also again after all members were stopped."""
        self.administer("SET GLOBAL group_replication_bootstrap_group = ON")
        self.join()
        self.administer("SET GLOBAL group_replication_bootstrap_group = OFF")

    def join(self) -> None:
        """Join the group, and wait until this server is a member with all transactions."""
        self._begin_joining()
        wait_until(self.in_step, f"{self.directory.name} is a member", self._timeout)

    def in_step(self) -> bool:
        """Tell whether this server, as far as it knows, is a member with all transactions."""
        return self.state() == "ONLINE"

    def _begin_joining(self) -> None:
        self.administer(
            "CHANGE REPLICATION SOURCE TO source_user = 'recovery', source_password = "
            f"'{_PASSWORD}' FOR CHANNEL 'group_replication_recovery'",
            "START GROUP_REPLICATION",
        )

    def _clone(self) -> None:
        """Have the group clone one of its members here. The server then ends, since nothing here starts it again."""
        self.administer("SET GLOBAL group_replication_clone_threshold = 1")
        with suppress(mysql.connector.Error):
            self._begin_joining()
        wait_until(lambda: not self.running(), f"{self.directory.name} has cloned another member", self._timeout)
        self.kill()
        self.start_alone()

    def members_seen(self) -> int:
        """Count the members with all transactions that this one sees, itself among them."""
        rows = self.administer(
            "SELECT COUNT(*) FROM performance_schema.replication_group_members WHERE member_state = 'ONLINE'"
        )
        return int(rows[0][0])

    def rejoin(self) -> None:
        """Join the group again, where the plugin has given up after this server was expelled."""
        if self.state() == "ERROR":
            self.administer("STOP GROUP_REPLICATION", "START GROUP_REPLICATION")

    def state(self) -> str:
        """Return this server's own state: ONLINE, RECOVERING, ERROR or OFFLINE."""
        return self._own("member_state")

    def role(self) -> str:
        """Return this server's own role, PRIMARY or SECONDARY; empty outside of the group."""
        return self._own("member_role")

    def _own(self, column: str) -> str:
        rows = self.administer(
            f"SELECT {column} FROM performance_schema.replication_group_members WHERE member_id = @@server_uuid"
        )
        return str(rows[0][0]) if rows else ""

    def takes_writes(self) -> bool:
        """Tell whether this server is the primary, as far as it knows, and has made itself writable."""
        return self.role() == "PRIMARY" and not self.administer("SELECT @@GLOBAL.super_read_only")[0][0]


class ReplicationGroup(Cluster):
    """A group of members. The first one is the primary at first, and the others refuse writes."""

    def __init__(self, directory: Path, size: int = 3, **settings: str | int) -> None:
        """Take settings of the plugin, by their names without ``group_replication_``.

        Raises ``ServerFailedError`` where there is no MySQL with that plugin.
        """
        if reason := lacking():
            raise ServerFailedError(f"a replication group {reason}")
        ports = [free_port() for _ in range(size)]
        self.group_name = str(uuid.uuid4())
        common: dict[str, str | int] = {
            **_SETTINGS,
            "group-name": self.group_name,
            "group-seeds": ",".join(f"127.0.0.1:{port}" for port in ports),
            **{key.replace("_", "-"): value for key, value in settings.items()},
        }
        self.members: Sequence[Member] = [
            Member(directory / f"member{number}", number, {**common, "local-address": f"127.0.0.1:{port}"})
            for number, port in enumerate(ports, 1)
        ]
        super().__init__(directory, self.members)

    def begin(self) -> None:
        """Make the first member's data, copy them to the others, and have all join."""
        first, *others = self.members
        first.initialise()
        for member in others:
            member.copy_data(first)
        first.start_alone()
        first.bootstrap()
        for member in others:
            member.start()

    def restart(self) -> None:
        """Start all members after all have ended; the one with the most transactions begins the group again."""
        for member in self.members:
            member.start_alone()
        first = self._newest()
        first.bootstrap()
        for member in self.members:
            if member is not first:
                member.join()

    def _newest(self) -> Member:
        executed = {member: member.administer("SELECT @@GLOBAL.gtid_executed")[0][0] for member in self.members}
        return next(member for member in self.members if all(_has(member, each) for each in executed.values()))

    def wait_primary(self, but: Member | None = None) -> Member:
        """Wait until a member, another one than ``but``, takes writes. Returns it."""

        def elected() -> Member | None:
            others = [each for each in self.members if each is not but and each.running()]
            return next((each for each in others if each.takes_writes()), None)

        return wait_until(elected, "a primary")


def _has(member: Member, transactions: Any) -> bool:
    return bool(member.administer(f"SELECT GTID_SUBSET('{transactions}', @@GLOBAL.gtid_executed)")[0][0])
