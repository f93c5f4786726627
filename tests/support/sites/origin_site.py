"""Run an origin and its database without edge and purger, for tests of the origin's answers."""

import shutil
import socket
import subprocess
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self, cast

import requests
from PIL import Image

from stack.databases.database import Database
from stack.origin import Origin
from stack.processes.commands import command, run_apart
from stack.processes.waiting import PATIENCE, wait_until

_numbers = count(1)

#: The body of the origin's 503 while the database does not answer in time.
_UNAVAILABLE = b"The database is unavailable.\n"


def lookup_in_time(answer: requests.Response) -> requests.Response | None:
    """Return an answer, or None for the 503 of an origin that could not ask the database in time.

    On a busy machine that is a right answer: each thread has less than a second for its connection. To HEAD, too.
    """
    failed = answer.status_code == 503 and answer.headers.get("Content-Length") == str(len(_UNAVAILABLE))
    return None if failed else answer


def begin_answer(origin: Origin, code: str) -> tuple[socket.socket, bytes]:
    """Ask for an image, and return the connection, with a small buffer, and the first bytes of the answer.

    Again where the origin could not ask the database in time.
    """

    def begun() -> tuple[socket.socket, bytes] | None:
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        client.settimeout(PATIENCE)
        client.connect(("127.0.0.1", origin.port))
        client.sendall(f"GET /images/{code} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        first = client.recv(1000)
        if first.startswith(b"HTTP/1.1 503 "):
            client.close()
            return None
        return client, first

    return wait_until(begun, f"the beginning of {code}")


class OriginSite:
    """An origin and its database. Without a purger a change gets its batch number only by ``number``."""

    def __init__(self, directory: Path, database: Database | None = None, /, **options: str) -> None:
        """Take a database that is not started, or make one. ``options`` are variables of the origin."""
        self.directory = directory
        self.database = database or Database(directory / "database", migrated=True)
        self._options = options
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        self._closing.enter_context(self.database)
        if not self.database.migrated:
            self.database.migrate()
        self.origin = Origin(self.directory / "origin", self.database, options=self._options)
        self._closing.enter_context(self.origin)
        self.admin = self.database.connect_admin()
        self._closing.callback(self.admin.close)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.__exit__(kind, error, traceback)

    def another_origin(self, name: str, **options: str) -> Origin:
        """Make a further origin over the same database and files, not yet started."""
        origin = Origin(self.directory / name, self.database, options=options)
        origin.files.rmdir()
        origin.files.symlink_to(self.origin.files)
        return origin

    def execute(self, statement: str, *parameters: Any) -> None:
        with self.admin.cursor() as cursor:
            cursor.execute(statement, parameters)

    def number(self) -> None:
        """Put all changes into a batch, as the purger does."""
        with self.admin.cursor() as cursor:
            cursor.execute("CALL number_invalidations(NULL, NULL, @size, @more)")

    def last_batch(self) -> int:
        """Return the number of the last batch."""
        with self.admin.cursor() as cursor:
            cursor.execute("SELECT last_batch FROM numbering")
            ((number,),) = cast(list[tuple[int]], cursor.fetchall())
        return number

    def new_code(self) -> str:
        return f"code-{next(_numbers)}"

    def new_image(self, code: str | None = None, owner: str = "joe", dated: bool = True, **options: str) -> str:
        """Import a new image, and wait for its Last-Modified unless ``dated`` is False. Returns its code."""
        number = next(_numbers)
        code = code or f"code-{number}"
        directory = self.directory / f"pictures-{number}"
        directory.mkdir()
        Image.effect_noise((400, 300), number).save(directory / f"{code}.png")
        assert self.run_import(directory, owner, **options).returncode == 0
        if dated:
            self.number()
            self.wait_dated(code)
        return code

    def new_copy(self, of: str, owner: str = "joe", dated: bool = True) -> str:
        """Import the original of another image under a new code, as ``new_image`` does. Returns the code."""
        number = next(_numbers)
        code, digest = f"code-{number}", self.digest_of(of)
        directory = self.directory / f"pictures-{number}"
        directory.mkdir()
        shutil.copy(self.origin.files / digest[:2] / digest[2:4] / digest, directory / f"{code}.png")
        assert self.run_import(directory, owner).returncode == 0
        if dated:
            self.number()
            self.wait_dated(code)
        return code

    def digest_of(self, code: str) -> str:
        """Return the digest of an image's original, banned or not."""
        with self.admin.cursor() as cursor:
            cursor.execute("SELECT digest FROM renditions WHERE code = %s AND name = 'original'", (code,))
            ((digest,),) = cast(list[tuple[str]], cursor.fetchall())
        return digest

    def origin_command(self, *arguments: str) -> list[str]:
        return [command("origin"), *arguments]

    def import_environment(self) -> dict[str, str]:
        stores = {name: value for name, value in self.origin.envvars.items() if name.startswith("ORIGIN_STORE")}
        return {"ORIGIN_IMPORT_DATABASE_URL": self.database.url("import"), **stores}

    def run_import(
        self, directory: Path, owner: str = "joe", *flags: str, **options: str
    ) -> "subprocess.CompletedProcess[str]":
        settings = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
        return run_apart(
            self.origin_command("import", str(directory), "--owner", owner, *flags, *settings),
            self.import_environment(),
        )

    def run_origin(
        self, account: str, *arguments: str, answers: str | None = None
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command of the origin with its stores, as an account; ``answers`` are typed into it."""
        stores = {
            name: value for name, value in self.origin.envvars.items() if name.startswith(("ORIGIN_STORE", "ORIGIN_IN"))
        }
        return run_apart(
            self.origin_command(*arguments), {"ORIGIN_DATABASE_URL": self.database.url(account), **stores}, answers
        )

    def complaints(self, start: int = 0) -> list[str]:
        """Return the lines of the origin's log from a place on, but for those about a database that was slow."""
        told = self.origin.log_text()[start:].splitlines()
        slow = ("are answered 503", "the database answers again")
        return [line for line in told if not any(part in line for part in slow)]

    def request(self, path: str, method: str = "GET", **headers: str) -> requests.Response:
        """Send a request for /images/PATH, again where the origin could not ask the database in time.

        The argument ``if_none_match`` becomes ``If-None-Match``.
        """
        return wait_until(
            lambda: lookup_in_time(self.request_once(path, method, **headers)), f"a lookup in time for {path}"
        )

    def request_once(self, path: str, method: str = "GET", **headers: str) -> requests.Response:
        """Send a request as ``request`` does, and return whatever comes."""
        names = {name.replace("_", "-").title(): value for name, value in headers.items()}
        return requests.request(method, f"{self.origin.url}/images/{path}", headers=names, timeout=PATIENCE)

    def wait_dated(self, path: str) -> requests.Response:
        def dated() -> requests.Response | None:
            answer = self.request(path)
            return answer if "Last-Modified" in answer.headers else None

        return wait_until(dated, f"Last-Modified of {path}")

    def file_of(self, code: str) -> Path:
        """Return the path of an image's original in the store."""
        digest = self.request(code, "HEAD").headers["ETag"].strip('"')
        return self.origin.files / digest[:2] / digest[2:4] / digest
