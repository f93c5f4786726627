"""Run a private MariaDB or MySQL, with a data directory and a socket of its own and no network."""

import atexit
import secrets
import shlex
import shutil
import socket
import tempfile
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from mysql.connector.abstracts import MySQLConnectionAbstract

from stack.databases.program import Place, Program, chosen, copy_template, initialise
from stack.processes.commands import command, run_apart, user_name
from stack.processes.server import Server
from takedown_db.connection.adoption import adopt_first
from takedown_db.connection.connect import connect

_NAME = "takedown"
_ACCOUNTS = ("origin", "import", "erase", "purger", "moderation", "door")

#: Longest path of a socket, in bytes: ``sun_path`` holds 108.
_LONGEST_SOCKET_PATH = 100


class Database(Server):
    """The moderation database, with a password for each of its accounts."""

    # A mariadbd that gets SIGTERM while it starts hangs for ever, in nearly half of the tries (11.8). Its data survive
    # SIGKILL.
    signal_of_orphans = "KILL"

    def __init__(
        self,
        directory: Path,
        options: Sequence[str] = (),
        program: Program | None = None,
        *,
        migrated: bool = False,
    ) -> None:
        """Take further options of the server. They come last and so win: ``--skip-networking=0`` gives it a network.

        ``program`` is the one that ``STACK_MYSQLD`` chooses, unless a caller needs another. ``migrated`` has the first
        start apply the schema; without it, call ``migrate``.
        """
        self.migrated = migrated
        self.name_of_database = _NAME
        self.socket = _short(directory / "socket")
        self._passwords = {account: secrets.token_urlsafe(12) for account in _ACCOUNTS}
        self._user = user_name()
        self._data = directory / "data"
        self._program = program or chosen()
        self._place = Place(directory, self._data, self.socket, self._user)
        # A mariadbd that starts deletes all temporary tables in TMPDIR. In /tmp these are also tables of other servers,
        # which then fail.
        temporary = directory / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        command_line = [*self._program.command(self._place), *options]
        super().__init__(self._program.name, directory, command_line, environment={"TMPDIR": str(temporary)})

    def start(self) -> "Database":
        """Initialise the data directory at the first start, then start the server and wait until it answers."""
        if self.has_data():
            super().start()
        elif self.migrated and copy_template(f"{self._program.name}-{self._user}-schema", self._data, self._template):
            super().start()
            self._become_another()
        else:
            initialise(self._program, self._place, self.envvars)
            super().start()
            if self.migrated:
                self.migrate()
        return self

    def _template(self, directory: Path) -> Path:
        with Database(directory, program=self._program) as database:
            database.migrate()
        return database._data

    def _become_another(self) -> None:
        """Make a copy of a migrated database one of its own, as ``purger migrate`` would have made it."""
        with self.connect_admin() as connection, connection.cursor() as cursor:
            cursor.execute("UPDATE numbering SET identity = UUID()")
            cursor.execute("DELETE FROM adoptions")
            adopt_first(cursor)
        self.unlock_accounts()

    def has_data(self) -> bool:
        """Tell whether the server was started before."""
        return self._data.exists()

    def after_start_check(self) -> bool:
        """Tell whether the server greets on its socket: the file may be left from a server that was killed."""
        return super().after_start_check() and _greets(self.socket)

    def client(self, *arguments: str) -> list[str]:
        """Make the command line of the server's own client, as the administrator."""
        return [*self._program.client(), f"--user={self._user}", f"--socket={self.socket}", *arguments]

    def clients(self) -> list[str]:
        """Return a line for the shell that opens a client of the database, one a socket."""
        client = [*self._program.client(), f"--user={self._user}"]
        return [shlex.join([*client, f"--socket={socket}", _NAME]) for socket in self.sockets()]

    def migrate(self) -> None:
        """Apply the schema with ``purger migrate`` and give each account a password."""
        # Each user of the machine can read command lines, so the URL goes into the environment.
        migrate = [command("purger"), "migrate"]
        run_apart(migrate, {**self.envvars, "PURGER_ADMIN_URL": self.admin_url()}).check_returncode()
        self.unlock_accounts()

    def unlock_accounts(self) -> None:
        """Give each account its password; a schema of an earlier version has fewer of them."""
        with self.connect_admin() as connection, connection.cursor() as cursor:
            for account, password in self._passwords.items():
                cursor.execute(f"ALTER USER IF EXISTS takedown_{account} IDENTIFIED BY '{password}' ACCOUNT UNLOCK")

    def admin_url(self) -> str:
        """Return the URL of the administrator. The socket takes only the user who runs the server for that."""
        return f"mysql://{self._user}@localhost/{_NAME}?{self._address()}"

    def url(self, account: str) -> str:
        """Return the URL of one of the accounts origin, import, purger, moderation and door."""
        return f"mysql://takedown_{account}:{self._passwords[account]}@localhost/{_NAME}?{self._address()}"

    def sockets(self) -> list[Path]:
        """Return the sockets that the database answers on: one, but for a cluster."""
        return [self.socket]

    def _address(self) -> str:
        return "&".join(f"unix_socket={quote(str(socket))}" for socket in self.sockets())

    def share_passwords(self, database: "Database") -> None:
        """Give the accounts the passwords that they have in another database: both hold the same accounts."""
        self._passwords = database._passwords

    def connect_admin(self) -> MySQLConnectionAbstract:
        """Connect as the administrator."""
        return connect(self.admin_url(), timeout=30)

    def connect(self, account: str) -> MySQLConnectionAbstract:
        """Connect as one of the accounts origin, import, purger, moderation and door."""
        return connect(self.url(account), timeout=30)


def _greets(path: Path) -> bool:
    """Tell whether a server sends its first packet, one of the protocol's version 10 and no error."""
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(1)
            connection.connect(str(path))
            return connection.recv(5)[4:] == b"\n"
    except OSError:
        return False


def _short(path: Path) -> Path:
    """Return the path, or one in a new temporary directory where it is too long for a unix socket."""
    if len(str(path)) <= _LONGEST_SOCKET_PATH:
        return path
    directory = tempfile.mkdtemp(prefix="takedown-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return Path(directory) / path.name
