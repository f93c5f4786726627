"""A private MariaDB or MySQL: its own data directory and socket, no network."""

import atexit
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from mysql.connector.abstracts import MySQLConnectionAbstract

from stack.commands import command, run_apart
from stack.program import Place, Program, chosen
from stack.server import Server
from stack.user import user_name
from takedown_db.connect import connect

_NAME = "takedown"
_ACCOUNTS = ("origin", "import", "purger", "moderation")
_LONGEST_SOCKET_PATH = 100  # sun_path of a unix socket holds 108 bytes


class Database(Server):
    """The moderation database, migrated, with a password for each of its accounts."""

    def __init__(self, directory: Path, options: Sequence[str] = (), program: Program | None = None) -> None:
        """``options`` of the server come last, and so win over ours: ``--skip-networking=0`` gives it a network.

        ``program`` is the one that ``STACK_MYSQLD`` chooses, unless a caller needs another.
        """
        self.name_of_database = _NAME
        self.socket = _short(directory / "socket")
        self._passwords = {account: secrets.token_urlsafe(12) for account in _ACCOUNTS}
        self._user = user_name()
        self._data = directory / "data"
        self._program = program or chosen()
        self._place = Place(directory, self._data, self.socket, self._user)
        # Each mariadbd that starts deletes all temporary tables that it finds in its directory for them: in /tmp also
        # those of its neighbours, which then fail.
        temporary = directory / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        command_line = [*self._program.command(self._place), *options]
        super().__init__(self._program.name, directory, command_line, environment={"TMPDIR": str(temporary)})

    def start(self) -> "Database":
        """Initialise at the first start, then start and wait until it answers."""
        if not self._data.exists():
            self._program.initialise(self._place, self.envvars)
        super().start()
        return self

    def after_start_check(self) -> bool:
        """Whether the server answers on its socket. A check on the socket's file would see one left by a kill."""
        if not super().after_start_check():
            return False
        answer = subprocess.run(
            # Its clients insist on TLS, which the server may lack.
            ["mariadb-admin", "--no-defaults", "--skip-ssl", f"--user={self._user}", f"--socket={self.socket}", "ping"],
            capture_output=True,
            check=False,
        )
        return answer.returncode == 0

    def migrate(self) -> None:
        """Apply the schema with ``purger migrate`` and give each account a password."""
        # A URL on a command line is everybody's to read.
        migrate = [command("purger"), "migrate"]
        run_apart(migrate, {**self.envvars, "PURGER_ADMIN_URL": self.admin_url()}).check_returncode()
        self.unlock_accounts()

    def unlock_accounts(self) -> None:
        """Give each account its password."""
        with self.connect_admin() as connection, connection.cursor() as cursor:
            for account, password in self._passwords.items():
                cursor.execute(f"ALTER USER takedown_{account} IDENTIFIED BY '{password}' ACCOUNT UNLOCK")

    def admin_url(self) -> str:
        """The URL of the account that may do everything; the socket lets in only the user who runs the server."""
        return f"mysql://{self._user}@localhost/{_NAME}?unix_socket={quote(str(self.socket))}"

    def url(self, account: str) -> str:
        """The URL of one of the accounts origin, import, purger and moderation."""
        return f"mysql://takedown_{account}:{self._passwords[account]}@localhost/{_NAME}?unix_socket={quote(str(self.socket))}"

    def connect_admin(self) -> MySQLConnectionAbstract:
        """A connection that may do everything, for what tests look at and break."""
        return connect(self.admin_url(), timeout=30)

    def connect(self, account: str) -> MySQLConnectionAbstract:
        """A connection of one of the accounts."""
        return connect(self.url(account), timeout=30)


def _short(path: Path) -> Path:
    """The path itself, or one in a new temporary directory where it is too long for a unix socket."""
    if len(str(path)) <= _LONGEST_SOCKET_PATH:
        return path
    directory = tempfile.mkdtemp(prefix="takedown-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return Path(directory) / path.name
