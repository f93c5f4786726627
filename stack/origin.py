"""Run an origin server, and import images into its store."""

from pathlib import Path

from stack.databases.database import Database
from stack.processes.commands import command, run_apart
from stack.processes.ports import free_port
from stack.processes.server import Server


class Origin(Server):
    """An ``origin serve`` on loopback, with a store of files in its directory."""

    def __init__(
        self, directory: Path, database: Database, *, port: int = 0, options: dict[str, str] | None = None
    ) -> None:
        self.port = port or free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"
        self.files = directory / "files"
        self._import_url = database.url("import")
        self.files.mkdir(parents=True, exist_ok=True)
        super().__init__(
            "origin",
            directory,
            [command("origin"), "serve"],
            ports=[self.port],
            environment={
                "ORIGIN_DATABASE_URL": database.url("origin"),
                "ORIGIN_STORE": f"file:{self.files}",
                "ORIGIN_LISTEN": self.address,
                **(options or {}),
            },
        )

    def import_images(self, images: Path, owner: str) -> None:
        """Import every image of a directory for an owner, with ``origin import``."""
        run_apart(
            # The images are samples and no secrets, whatever umask they were made under.
            [
                command("origin"),
                "import",
                str(images),
                "--owner",
                owner,
                "--include-private",
            ],
            {**self.envvars, "ORIGIN_IMPORT_DATABASE_URL": self._import_url},
        ).check_returncode()
