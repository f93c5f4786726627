"""Run a door beside a purger, with a client that may do everything."""

import tomllib
from collections.abc import Sequence
from pathlib import Path

from purger.door.clients import new_token
from stack.databases.database import Database
from stack.processes.commands import command
from stack.processes.ports import free_port
from stack.processes.server import Server

_ALL = 'ban = ["image", "owner", "digest"]\nlift = ["image", "owner", "digest"]\nread = ["image", "owner", "digest"]\n'


class Door(Server):
    """A ``purger door`` on loopback."""

    def __init__(
        self,
        directory: Path,
        database: Database,
        *,
        port: int = 0,
        options: dict[str, str] | None = None,
        program: Sequence[str | Path] | None = None,
    ) -> None:
        """Keep its files in a directory. Port 0 means any free one.

        ``options`` are further variables, ``program`` a command line to run instead of ``purger``.
        """
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.token_file = directory / "token"
        self.clients = directory / "clients.toml"
        directory.mkdir(parents=True, exist_ok=True)
        self.clients.touch(mode=0o600)
        self.token = self.add_client("site", f"{_ALL}others = true\npurge = true\nrate = 100000\n")
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(f"{self.token}\n")
        super().__init__(
            "door",
            directory,
            [*(program or [command("purger")]), "door"],
            ports=[self.port],
            environment={
                "PURGER_DOOR_DATABASE_URL": database.url("door"),
                "PURGER_DOOR_TOKENS": str(self.clients),
                "PURGER_DOOR_BIND": f"127.0.0.1:{self.port}",
                **(options or {}),
            },
        )

    def add_client(self, name: str, rights: str) -> str:
        """Add a client with lines of TOML, and return its token."""
        token, line = new_token()
        text = f'{self.clients.read_text()}[{name}]\ntokens = ["{line}"]\n{rights}'
        tomllib.loads(text)
        self.clients.write_text(text)
        return token
