"""Run an upload listener beside an origin."""

import secrets
from pathlib import Path

from stack.databases.database import Database
from stack.origin import Origin
from stack.processes.commands import command
from stack.processes.ports import free_port
from stack.processes.server import Server


class Ingest(Server):
    """An ``origin ingest`` on loopback, over the store of an origin."""

    def __init__(
        self,
        directory: Path,
        database: Database,
        origin: Origin,
        *,
        port: int = 0,
        options: dict[str, str] | None = None,
    ) -> None:
        self.port = port or free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"
        self.token_file = directory / "token"
        self.token = secrets.token_urlsafe(24)
        directory.mkdir(parents=True, exist_ok=True)
        self.token_file.touch(mode=0o600)
        self.token_file.write_text(f"{self.token}\n")
        super().__init__(
            "ingest",
            directory,
            [command("origin"), "ingest"],
            ports=[self.port],
            environment={
                "ORIGIN_IMPORT_DATABASE_URL": database.url("import"),
                "ORIGIN_STORE": f"file:{origin.files}",
                "ORIGIN_INGEST_LISTEN": self.address,
                "ORIGIN_INGEST_TOKEN_FILE": str(self.token_file),
                **(options or {}),
            },
        )
