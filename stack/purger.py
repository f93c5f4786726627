"""Run a purger, and its other commands."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from stack.databases.database import Database
from stack.edges.edge import Edge
from stack.processes.commands import command, run_apart
from stack.processes.server import Server


class Purger(Server):
    """A ``purger run``, and the purger's other commands with the same settings."""

    def __init__(
        self,
        directory: Path,
        database: Database,
        *,
        options: dict[str, str] | None = None,
        ports: Sequence[int] = (),
        program: Sequence[str | Path] | None = None,
    ) -> None:
        """Take further variables, its ports, and a command line to run instead of ``purger``."""
        super().__init__(
            "purger",
            directory,
            [*(program or [command("purger")]), "run"],
            ports=ports,
            environment={
                "PURGER_DATABASE_URL": database.url("purger"),
                "PURGER_MODERATION_URL": database.url("moderation"),
                "PURGER_ADMIN_URL": database.admin_url(),
                **(options or {}),
            },
        )

    def after_start_check(self) -> bool:
        """Tell whether the purger has logged that it polls the database."""
        return super().after_start_check() and "watching" in self.log_text()

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one command of the purger, such as ``status --json``, to its end."""
        return run_apart([command("purger"), *arguments], self.envvars)

    def add_edge(self, edge: Edge, *options: str) -> None:
        """Run ``purger edge add`` for an edge. Raises ``subprocess.CalledProcessError`` when it is refused."""
        self.run(
            *("edge", "add", edge.edge_name, "--purge-url", edge.purge_url, "--public-url", edge.url),
            *("--token-file", str(edge.token_file)),
            *options,
        ).check_returncode()
