"""Act as clients, moderators and administrators of a running stack, for tests of the whole system."""

import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import requests
from mysql.connector.abstracts import MySQLConnectionAbstract

from stack.edges.edge import Edge
from stack.processes.waiting import PATIENCE, wait_until
from stack.samples import draw
from stack.system import Stack
from tests.support.ask_again import ask_again

_numbers = count(1)


class Site:
    """One test's access to a running stack. Each test uses images of its own, so that tests can share the stack."""

    def __init__(self, stack: Stack, directory: Path) -> None:
        self.stack = stack
        self._directory = directory
        self._closing = ExitStack()
        self.moderation = self.connect("moderation")
        self.admin = self._opened(stack.database.connect_admin())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.close()

    def connect(self, account: str) -> MySQLConnectionAbstract:
        """Connect as one of the accounts. The connection is closed at the end of the test."""
        return self._opened(self.stack.database.connect(account))

    def _opened(self, connection: MySQLConnectionAbstract) -> MySQLConnectionAbstract:
        self._closing.callback(connection.close)
        return connection

    def new_owner(self) -> str:
        """Return the key of an owner that no other test uses."""
        return f"test-owner-{next(_numbers)}"

    def new_image(self, owner: str | None = None, code: str | None = None) -> str:
        """Import a new image, or a new version of ``code``, and wait until the first edge caches it. Returns the code.

        The import's own purges and rebounds are over by then: only the test itself removes the image again.
        """
        number = next(_numbers)
        code = code or f"test-{number}"
        directory = self._directory / f"import-{number}"
        directory.mkdir()
        draw(directory / f"{code}.png", f"{code} {number}", hue=number % 12 / 12, size=(400, 300))
        self.stack.origin.import_images(directory, owner or self.new_owner())
        self.stack.settle()
        # A request before the origin sends Last-Modified would leave an answer without it in the cache for two seconds.
        wait_until(lambda: self.stack.dated([code]), f"Last-Modified of {code}")
        self.wait_hit(code)
        return code

    def new_copy(self, of: str, owner: str | None = None, *, code: str | None = None, wait: bool = True) -> str:
        """Import the original of another image under a new code, or ``code``, as ``new_image`` does. Returns the code.

        Without ``wait`` it returns when the import has ended.
        """
        number = next(_numbers)
        code, digest = code or f"test-{number}", self.digest_of(of)
        directory = self._directory / f"import-{number}"
        directory.mkdir()
        shutil.copy(self.stack.origin.files / digest[:2] / digest[2:4] / digest, directory / f"{code}.png")
        self.stack.origin.import_images(directory, owner or self.new_owner())
        if wait:
            self.stack.settle()
            wait_until(lambda: self.stack.dated([code]), f"Last-Modified of {code}")
            self.wait_hit(code)
        return code

    def digest_of(self, code: str) -> str:
        """Return the digest of an image's original, banned or not."""
        with self.admin.cursor() as cursor:
            cursor.execute("SELECT digest FROM renditions WHERE code = %s AND name = 'original'", (code,))
            ((digest,),) = cursor.fetchall()
        return str(digest)

    def execute(self, sql: str, *values: str) -> None:
        """Run a statement as the administrator."""
        with self.admin.cursor() as cursor:
            cursor.execute(sql, values)

    def wait_hit(self, path: str, edge: Edge | None = None) -> None:
        """GET /images/PATH from an edge until it answers from its cache. Raises ``TimeoutError``."""
        wait_until(lambda: self.is_hit(path, edge), f"{path} in the cache")

    def wait_dated(self, code: str) -> requests.Response:
        """Wait until the first edge serves the image with Last-Modified, so that caches may keep it for long."""

        def dated() -> requests.Response | None:
            answer = self.get(code)
            return answer if "Last-Modified" in answer.headers else None

        return wait_until(dated, f"Last-Modified of {code}")

    def wait_header(self, path: str, name: str) -> requests.Response:
        """Wait until the first edge serves the image with Last-Modified and the header ``name``."""

        def sent() -> requests.Response | None:
            answer = self.get(path)
            return answer if name in answer.headers and "Last-Modified" in answer.headers else None

        return wait_until(sent, f"{name} of {path}")

    def get(self, path: str, edge: Edge | None = None, **headers: str) -> requests.Response:
        """GET /images/PATH from an edge, by default the first; ``if_none_match`` becomes ``If-None-Match``."""
        names = {name.replace("_", "-").title(): value for name, value in headers.items()}
        return requests.get(f"{(edge or self.stack.edge).url}/images/{path}", headers=names, timeout=PATIENCE)

    def answer(self, path: str, edge: Edge | None = None) -> requests.Response:
        """GET /images/PATH until the answer is no 503: an origin whose database is held up asks it again later."""
        return ask_again(lambda: self.get(path, edge), path)

    def ban(self, subject: str, scope: str = "image", connection: MySQLConnectionAbstract | None = None) -> None:
        """Insert a row into ``bans``, with moderation's account."""
        with (connection or self.moderation).cursor() as cursor:
            cursor.execute("INSERT INTO bans (scope, subject) VALUES (%s, %s)", (scope, subject))

    def ban_unseen(self, subject: str, scope: str = "image") -> None:
        """Insert a ban without its row in the outbox, as only a damaged database has it."""
        with self.admin.cursor() as cursor:
            cursor.execute("START TRANSACTION")
            cursor.execute("INSERT INTO bans (scope, subject) VALUES (%s, %s)", (scope, subject))
            cursor.execute("DELETE FROM invalidations WHERE ban_id = LAST_INSERT_ID()")
            cursor.execute("COMMIT")

    def lift(self, subject: str) -> None:
        """Set ``lifted_at`` of a subject's bans, with moderation's account."""
        with self.moderation.cursor() as cursor:
            cursor.execute("UPDATE bans SET lifted_at = UTC_TIMESTAMP(3) WHERE subject = %s", (subject,))

    def wait_gone(self, path: str, edge: Edge | None = None) -> requests.Response:
        """Wait until an edge answers 410 for /images/PATH. Returns the answer."""

        def gone() -> requests.Response | None:
            answer = self.get(path, edge)
            return answer if answer.status_code == 410 else None

        return wait_until(gone, f"{path} gone")

    def wait_kept(self, code: str) -> None:
        """Wait until the first edge has an image in its cache for long, and no rebound is left that would remove it."""
        self.stack.settle()

        def kept() -> bool:
            answer = self.get(code)
            lasts = answer.status_code == 410 or "Last-Modified" in answer.headers
            return lasts and "; hit" in answer.headers["Cache-Status"]

        wait_until(kept, f"{code} in the cache for long")

    def wait_served(self, path: str, edge: Edge | None = None) -> requests.Response:
        """Wait until an edge answers 200 for /images/PATH. Returns the answer."""

        def served() -> requests.Response | None:
            answer = self.get(path, edge)
            return answer if answer.status_code == 200 else None

        return wait_until(served, f"{path} served")

    def is_hit(self, path: str, edge: Edge | None = None) -> bool:
        """Tell whether an edge answers from its cache, by Cache-Status (RFC 9211)."""
        return "; hit" in self.get(path, edge).headers["Cache-Status"]

    @contextmanager
    def statement_log(self) -> Iterator[None]:
        """Log each statement with its account in ``mysql.general_log``, inside the block."""
        with self.admin.cursor() as cursor:
            cursor.execute("SET GLOBAL log_output = 'TABLE', general_log = 1")
            yield
            cursor.execute("SET GLOBAL general_log = 0")

    @contextmanager
    def read_only_server(self) -> Iterator[None]:
        """Set ``read_only`` inside the block, as on a primary that was demoted to a replica."""
        with self.admin.cursor() as cursor:
            cursor.execute("SET GLOBAL read_only = 1")
            try:
                yield
            finally:
                cursor.execute("SET GLOBAL read_only = 0")

    def number(self, query: str) -> int:
        """Run a query as the administrator. Returns the number in its first row."""
        with self.admin.cursor() as cursor:
            cursor.execute(query)
            row = cursor.fetchone()
        assert isinstance(row, tuple)
        return int(str(row[0]))
