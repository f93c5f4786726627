"""Prepare the console of a stack's purger: its port, its users, and moderation's account."""

import secrets
from pathlib import Path

from purger.console.users.users import hash_password
from stack.databases.database import Database
from stack.processes.ports import free_port

#: The users, with the roles that they have.
MODERATOR, LOOKER = "anna", "wall"


class Console:
    """The settings of a console, with two users who share a password made for this stack."""

    def __init__(self, directory: Path, port: int) -> None:
        """Keep its files in a directory. Port 0 means any free one."""
        self._directory = directory
        self.port = port or free_port()
        self.password = secrets.token_urlsafe(12)

    @property
    def url(self) -> str:
        """Return the URL for browsers."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def options(self) -> dict[str, str]:
        """Return the purger's variables."""
        return {
            "PURGER_CONSOLE": f"127.0.0.1:{self.port}",
            "PURGER_CONSOLE_USERS": str(self._directory / "users"),
            "PURGER_CONSOLE_MODERATION_URL_FILE": str(self._directory / "moderation-url"),
        }

    def write(self, database: Database) -> None:
        """Write the files that the variables name."""
        # As cheap as the console accepts it: nobody guesses this password.
        hashed = hash_password(self.password, memory=1024, passes=1)
        self._write("users", f"{MODERATOR}:moderate:{hashed}\n{LOOKER}:look:{hashed}\n")
        self._write("moderation-url", database.url("moderation"))

    def _write(self, name: str, text: str) -> None:
        self._directory.mkdir(parents=True, exist_ok=True)
        file = self._directory / name
        file.touch(mode=0o600)
        file.write_text(text)
