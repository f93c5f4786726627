"""Run a private MariaDB, with a data directory and a socket of its own and no network."""

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
from stack.server import Server, ServerFailedError
from stack.user import user_name
from takedown_db.driver import connect

_NAME = "takedown"
_ACCOUNTS = ("origin", "import", "purger", "moderation")
_LONGEST_SOCKET_PATH = 100  # sun_path of a unix socket holds 108 bytes


class Database(Server):
    """The moderation database, migrated, with a password for each of its accounts."""

    def __init__(self, directory: Path, options: Sequence[str] = ()) -> None:
        """Take further options of mariadbd. They come last and so win: ``--skip-networking=0`` gives it a network."""
        self.name_of_database = _NAME
        self.socket = _short(directory / "socket")
        self._passwords = {account: secrets.token_urlsafe(12) for account in _ACCOUNTS}
        user = user_name()
        self._data = directory / "data"
        self._user = user
        # A mariadbd that starts deletes all temporary tables in TMPDIR. In /tmp these are also those of other servers,
        # which then fail.
        temporary = directory / "tmp"
        temporary.mkdir(parents=True, exist_ok=True)
        super().__init__(
            "mariadbd",
            directory,
            [
                *("mariadbd", "--no-defaults", f"--user={user}", f"--datadir={self._data}", f"--socket={self.socket}"),
                *("--skip-networking", f"--pid-file={directory / 'pid'}", "--max-connections=400"),
                # A development database may lose its last second when the machine dies; it must not when mariadbd does.
                *("--innodb-flush-log-at-trx-commit=2", "--innodb-log-file-size=64M", "--skip-log-bin"),
                *options,
            ],
            environment={"TMPDIR": str(temporary)},
        )

    def start(self) -> "Database":
        """Initialise the data directory at the first start, then start the server and wait until it answers."""
        if not self._data.exists():
            self._initialise()
        super().start()
        return self

    def after_start_check(self) -> bool:
        """Tell whether the server answers on its socket: the file alone may be left from a server that was killed."""
        if not super().after_start_check():
            return False
        answer = subprocess.run(
            # MariaDB's clients insist on TLS, which the server may lack.
            ["mariadb-admin", "--no-defaults", "--skip-ssl", f"--user={self._user}", f"--socket={self.socket}", "ping"],
            capture_output=True,
            check=False,
        )
        return answer.returncode == 0

    def migrate(self) -> None:
        """Apply the schema with ``purger migrate`` and give each account a password."""
        # Each user of the machine can read command lines, so the URL goes into the environment.
        migrate = [command("purger"), "migrate"]
        run_apart(migrate, {**self.envvars, "PURGER_ADMIN_URL": self.admin_url()}).check_returncode()
        self.unlock_accounts()

    def unlock_accounts(self) -> None:
        """Give each account its password."""
        with self.connect_admin() as connection, connection.cursor() as cursor:
            for account, password in self._passwords.items():
                cursor.execute(f"ALTER USER takedown_{account} IDENTIFIED BY '{password}' ACCOUNT UNLOCK")

    def admin_url(self) -> str:
        """Return the URL of the administrator. The socket takes only the user who runs the server for that."""
        return f"mysql://{self._user}@localhost/{_NAME}?unix_socket={quote(str(self.socket))}"

    def url(self, account: str) -> str:
        """Return the URL of one of the accounts origin, import, purger and moderation."""
        return f"mysql://takedown_{account}:{self._passwords[account]}@localhost/{_NAME}?unix_socket={quote(str(self.socket))}"

    def connect_admin(self) -> MySQLConnectionAbstract:
        """Connect as the administrator."""
        return connect(self.admin_url(), timeout=30)

    def connect(self, account: str) -> MySQLConnectionAbstract:
        """Connect as one of the accounts origin, import, purger and moderation."""
        return connect(self.url(account), timeout=30)

    def _initialise(self) -> None:
        result = run_apart(
            [
                # Not --user: the script would also run chown with it, without quotes and on files of the system.
                *("mariadb-install-db", "--no-defaults", f"-u{self._user}", f"--datadir={self._data}"),
                *("--auth-root-authentication-method=socket", f"--auth-root-socket-user={self._user}"),
                "--skip-test-db",
            ],
            self.envvars,
        )
        if result.returncode != 0:
            raise ServerFailedError(f"mariadb-install-db failed\n{result.stdout}{result.stderr}")


def _short(path: Path) -> Path:
    """Return the path, or one in a new temporary directory where it is too long for a unix socket."""
    if len(str(path)) <= _LONGEST_SOCKET_PATH:
        return path
    directory = tempfile.mkdtemp(prefix="takedown-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    return Path(directory) / path.name
