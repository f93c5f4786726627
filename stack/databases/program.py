"""Initialise and start the servers that a database can run on, MariaDB and MySQL."""

import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple, Protocol

from stack.processes.commands import run_apart
from stack.processes.server import ServerFailedError

#: The variable with the path of MySQL's ``mysqld``, to run instead of mariadbd.
VARIABLE = "STACK_MYSQLD"

#: The variable that, if it is set, has MariaDB start without TLS. Its key takes most of a start's processor time, and
#: tests start more than a hundred servers, which have only sockets.
WITHOUT_TLS = "STACK_DATABASE_WITHOUT_TLS"

#: The variable that, if it is set, names a directory of initialised data directories: databases begin as their copies.
#: They end with a test, so that MariaDB leaves its files to the kernel, which has them also if the server is killed: a
#: start waits half as long.
TEMPLATES = "STACK_DATABASE_TEMPLATES"

#: Statements that admit the administrator only by the socket, as the user who runs the server. They change the table
#: ``mysql.user`` itself, since the plugin is loaded only once the server runs.
_ADMIN = (
    "UPDATE mysql.user SET plugin = 'auth_socket', authentication_string = '' WHERE user = 'root';\n"
    "FLUSH PRIVILEGES;\n"
    "{rename}"
)


class Place(NamedTuple):
    """The directories and the socket of a server, and the user that it runs as."""

    directory: Path
    data: Path
    socket: Path
    user: str


class Program(Protocol):
    """A database server's program."""

    name: str

    def command(self, place: Place) -> list[str]:
        """Make the command line that starts it, without a network."""

    def initialise(self, place: Place, environment: Mapping[str, str]) -> None:
        """Make its data directory. Raises ``ServerFailedError``."""

    def client(self) -> list[str]:
        """Make the command line of its client, without a server and a user."""


class MariaDb:
    """The mariadbd in PATH."""

    name = "mariadbd"

    def command(self, place: Place) -> list[str]:
        """Make the command line that starts it, without a network."""
        tls = ["--skip-ssl"] if os.environ.get(WITHOUT_TLS) else []
        sync = ["--innodb-flush-method=nosync", "--debug-no-sync"] if os.environ.get(TEMPLATES) else []
        return ["mariadbd", *_common(place), "--innodb-log-file-size=64M", *tls, *sync]

    def initialise(self, place: Place, environment: Mapping[str, str]) -> None:
        """Make its data directory. Raises ``ServerFailedError``."""
        _run(
            [
                # Not --user: the script would also run chown with it, without quotes and on files of the system.
                *("mariadb-install-db", "--no-defaults", f"-u{place.user}", f"--datadir={place.data}"),
                *("--auth-root-authentication-method=socket", f"--auth-root-socket-user={place.user}"),
                *("--skip-test-db", "--innodb-log-file-size=4M"),  # the server makes the log as long as it wants it
            ],
            environment,
        )

    def client(self) -> list[str]:
        """Make the command line of its client, without a server and a user."""
        # It insists on TLS, which the server may lack.
        return ["mariadb", "--no-defaults", "--skip-ssl"]


class MySql:
    """A mysqld of MySQL 8.4 or later, by its path."""

    name = "mysqld"

    def __init__(self, path: str) -> None:
        self._path = path

    def command(self, place: Place) -> list[str]:
        """Make the command line that starts it, without a network."""
        return [
            *(self._path, *_common(place), "--mysqlx=OFF", "--secure-file-priv="),  # as MariaDB's default
            *("--plugin-load-add=auth_socket.so", "--innodb-redo-log-capacity=64M"),
        ]

    def initialise(self, place: Place, environment: Mapping[str, str]) -> None:
        """Make its data directory. Raises ``ServerFailedError``."""
        script = place.directory / "init.sql"
        rename = "" if place.user == "root" else f"RENAME USER root@localhost TO '{place.user}'@localhost;\n"
        script.write_text(_ADMIN.format(rename=rename))
        _run(
            [
                *(self._path, "--no-defaults", "--initialize-insecure", f"--user={place.user}"),
                *(f"--datadir={place.data}", f"--init-file={script}", "--secure-file-priv=NULL"),
                "--innodb-flush-method=nosync",  # a server that dies before its first start is discarded
            ],
            environment,
        )

    def client(self) -> list[str]:
        """Make the command line of its client, without a server and a user: MariaDB's where there is no other."""
        return ["mysql", "--no-defaults"] if shutil.which("mysql") else MariaDb().client()


def chosen() -> Program:
    """Choose the program that runs databases: the one of ``STACK_MYSQLD``, or MariaDB's, or the MySQL in PATH."""
    path = os.environ.get(VARIABLE)
    if not path and not shutil.which("mariadbd"):
        path = shutil.which("mysqld")
    return MySql(path) if path else MariaDb()


def on_mysql() -> bool:
    """Tell whether databases run on MySQL."""
    return isinstance(chosen(), MySql)


def initialise(program: Program, place: Place, environment: Mapping[str, str]) -> None:
    """Make a data directory, as a copy of the template of the program and user where `TEMPLATES` is set.

    To initialise one takes two seconds, and a copy a twentieth of that. Raises ``ServerFailedError``.
    """

    def make(directory: Path) -> Path:
        data = directory / "data"
        program.initialise(place._replace(directory=directory, data=data), environment)
        return data

    if not copy_template(f"{program.name}-{place.user}", place.data, make):
        program.initialise(place, environment)


def copy_template(name: str, data: Path, make: Callable[[Path], Path]) -> bool:
    """Copy the template ``name`` to the data directory ``data``. Returns False where `TEMPLATES` is not set.

    ``make`` makes the first copy in a directory, and returns its path. Raises ``ServerFailedError``.
    """
    if not (templates := os.environ.get(TEMPLATES)):
        return False
    template = Path(templates) / name
    if not template.exists():
        made = make(Path(tempfile.mkdtemp(dir=templates)))
        (made / "auto.cnf").unlink(missing_ok=True)  # each MySQL server makes an identity of its own
        with suppress(OSError):  # another process was first
            made.rename(template)
    _run(["cp", "--archive", "--sparse=always", str(template), str(data)], os.environ)
    return True


def _common(place: Place) -> list[str]:
    return [
        *("--no-defaults", f"--user={place.user}", f"--datadir={place.data}", f"--socket={place.socket}"),
        *("--skip-networking", f"--pid-file={place.directory / 'pid'}", "--max-connections=400"),
        # A development database may lose its last second when the machine dies; it must not when the server does.
        *("--innodb-flush-log-at-trx-commit=2", "--skip-log-bin"),
    ]


def _run(command: list[str], environment: Mapping[str, str]) -> None:
    result = run_apart(command, environment)
    if result.returncode != 0:
        raise ServerFailedError(f"{command[0]} failed\n{result.stdout}{result.stderr}")
