"""Run a group of MySQL servers on loopback (Group Replication, single-primary)."""

import os
import re
import shutil
import subprocess
import uuid
from contextlib import ExitStack
from functools import cache
from pathlib import Path
from typing import Any, Self

from stack.database import Database
from stack.database_program import VARIABLE, MySql
from stack.ports import free_port
from stack.waiting import PATIENCE, wait_until
from takedown_db.connect import connect

_PASSWORD = "for a test, on loopback alone"


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


class Member(Database):
    """One server of a group. It starts alone, and joins by ``bootstrap`` or ``join``."""

    def __init__(self, directory: Path, number: int, settings: dict[str, str | int]) -> None:
        port = free_port()
        ours = {
            "server-id": number + 1,
            "port": port,
            "bind-address": "127.0.0.1",
            "skip-networking": "0",
            "report-host": "127.0.0.1",
            "log-bin": directory / "binlog",
            "gtid-mode": "ON",
            "enforce-gtid-consistency": "ON",
            "plugin-load-add": "group_replication.so",
            # As MySQL's manual advises for members of a group.
            "disabled-storage-engines": "MyISAM,BLACKHOLE,FEDERATED,ARCHIVE,MEMORY",
            **{f"group-replication-{name}": value for name, value in settings.items()},
        }
        mysqld = MySql(os.environ.get(VARIABLE) or "mysqld")
        super().__init__(directory, [f"--{name}={value}" for name, value in ours.items()], mysqld)

    def initialise(self) -> None:
        """Make the data directory, without the UUID that the server gives itself at its first start."""
        self._program.initialise(self._place, self.envvars)

    def bootstrap(self) -> None:
        """Start the group by this member, also again after all members were stopped."""
        self.administer("SET GLOBAL group_replication_bootstrap_group = ON")
        self.join()
        self.administer("SET GLOBAL group_replication_bootstrap_group = OFF")

    def join(self) -> None:
        """Join the group, and wait until this server is a member with all transactions."""
        self.administer(
            "CHANGE REPLICATION SOURCE TO source_user = 'recovery', source_password = "
            f"'{_PASSWORD}' FOR CHANNEL 'group_replication_recovery'",
            "START GROUP_REPLICATION",
        )
        wait_until(lambda: self.state() == "ONLINE", f"{self.directory.name} is a member")

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

    def administer(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements as the administrator. Returns the rows of the last one."""
        rows: list[tuple[Any, ...]] = []
        url = self.admin_url().replace("/takedown?", "/mysql?")  # a new server has no other database
        with connect(url, timeout=int(PATIENCE), replica=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
                rows = [tuple(row) for row in cursor.fetchall()] if cursor.description else []
        return rows


class Group(ExitStack):
    """A group of ``size`` members with the schema. The first one is the primary at first."""

    def __init__(self, directory: Path, size: int = 3, **settings: str | int) -> None:
        """Take settings of the plugin, by their names without ``group_replication_``."""
        super().__init__()
        ports = [free_port() for _ in range(size)]
        seeds = ",".join(f"127.0.0.1:{port}" for port in ports)
        common = {"group-name": str(uuid.uuid4()), "group-seeds": seeds, "start-on-boot": "OFF"}
        given = {key.replace("_", "-"): value for key, value in settings.items()}
        self.name = common["group-name"]
        self.members = [
            Member(directory / f"member{number}", number, {**common, "local-address": f"127.0.0.1:{port}", **given})
            for number, port in enumerate(ports)
        ]

    def __enter__(self) -> Self:
        try:
            self._begin()
        except BaseException:
            self.close()
            raise
        return self

    def _begin(self) -> None:
        first = self.members[0]
        first.initialise()
        for member in self.members[1:]:
            member._passwords = first._passwords
            shutil.copytree(first._data, member._data, ignore=shutil.ignore_patterns("auto.cnf"))
        for member in self.members:
            self.enter_context(member)
            member.administer(
                "SET sql_log_bin = 0",
                f"CREATE USER recovery@'%' IDENTIFIED BY '{_PASSWORD}'",
                "GRANT REPLICATION SLAVE, BACKUP_ADMIN, GROUP_REPLICATION_STREAM ON *.* TO recovery@'%'",
            )
        first.bootstrap()
        for member in self.members[1:]:
            member.join()
        first.migrate()

    def wait_primary(self, but: Member) -> Member:
        """Wait until another member than ``but`` takes writes. Returns it."""

        def elected() -> Member | None:
            others = [each for each in self.members if each is not but and each.running()]
            return next((each for each in others if each.role() == "PRIMARY" and not _read_only(each)), None)

        return wait_until(elected, "another primary")


def _read_only(member: Member) -> bool:
    return bool(member.administer("SELECT @@GLOBAL.super_read_only")[0][0])
