"""Put an application that nobody here wrote behind an edge: database, origin with rules, edge, purger, hooks.

The commands that an operator types for one application, and not for another, are those of existing-site.md.
"""

import json
import re
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import requests

from stack.databases.database import Database
from stack.edges.edge import Edge
from stack.origin import Origin
from stack.processes.commands import command, run_apart
from stack.processes.waiting import PATIENCE, wait_until
from stack.purger import Purger
from takedown_base.name_codes import code_of_name
from tests.support.ask_again import ask_again
from tests.support.pages.markdown_pages import ROOT

_PAGE = ROOT / "docs/guide/existing-site.md"


class AdoptedSite:
    """A database that the application and Edge Takedown share, and all servers of the latter."""

    def __init__(self, directory: Path, preset: str) -> None:
        self.preset = preset
        self.directory = directory
        # MediaWiki 1.43 fails now and then (error 1020) with MariaDB's default since 11.6, which MySQL does not know.
        self.database = Database(directory / "database", ["--loose-innodb-snapshot-isolation=OFF"], migrated=True)
        self.running = ExitStack()
        self.server = ""

    def __enter__(self) -> Self:
        self.running.enter_context(self.database)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.running.__exit__(kind, error, traceback)

    def execute(self, *statements: str) -> list[Any]:
        """Run statements as the administrator. Returns the rows of the last one."""
        with self.database.connect_admin() as connection, connection.cursor() as cursor:
            rows: list[Any] = []
            for statement in statements:
                cursor.execute(statement)
                rows = list(cursor.fetchall())
            return rows

    def adopt(self, server: str, edge_port: int) -> None:
        """Put the edge in front of the application's ``server`` (HOST:PORT), and let its deletions be takedowns."""
        self.server = f"http://{server}"
        rules = self.directory / "rules.toml"
        rules.write_text(self.operate("origin", "rules", "--preset", self.preset, "--server", self.server))
        self.origin = Origin(
            self.directory / "origin", self.database, options={"ORIGIN_WORKERS": "1", "ORIGIN_RULES": str(rules)}
        )
        self.edge = Edge(
            self.directory / "edge", self.origin.address, public_port=edge_port, site=server, other_urls="pass"
        )
        self.purger = Purger(self.directory / "purger", self.database)
        self.running.enter_context(self.origin)
        self.running.enter_context(self.edge)
        self.purger.add_edge(self.edge)
        self.operate("purger", "hook", "--preset", self.preset, "--apply")
        self.running.enter_context(self.purger)
        self.edge.wait_trusted()

    def operate(self, program: str, *arguments: str) -> str:
        """Run a command that existing-site.md has for WordPress. Returns its output."""
        typed = " ".join([program, *arguments]).replace(self.server, "http://127.0.0.1:8080")
        assert f"    {typed.replace(self.preset, 'wordpress')}" in _PAGE.read_text()
        ran = run_apart([command(program), *arguments], {"PURGER_ADMIN_URL": self.database.admin_url()})
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def get(self, path: str) -> requests.Response:
        """Ask the edge as a visitor does, again while a lookup was late."""
        return ask_again(lambda: _get(self.edge.url + path), path)

    def own(self, path: str) -> requests.Response:
        """Ask the application's own server, under the host that visitors see."""
        return _get(self.server + path, Host=self.edge.url.removeprefix("http://"))

    def differing(self, paths: Iterable[str]) -> list[str]:
        """Return the paths whose answer at the edge is another than the application's own: status, type or bytes."""
        return [path for path in paths if _seen(self.get(path)) != _seen(self.own(path))]

    def wait(self, path: str, status: int) -> requests.Response:
        """Wait until the edge answers a URL with this status."""

        def answer() -> requests.Response | None:
            found = self.get(path)
            return found if found.status_code == status else None

        return wait_until(answer, f"{status} for {path}")

    def wait_hit(self, path: str) -> None:
        """Wait until a URL is answered from the cache."""
        wait_until(lambda: "; hit" in self.get(path).headers.get("Cache-Status", ""), f"{path} in the cache")

    def wait_content(self, path: str, content: bytes) -> None:
        """Wait until a URL shows these bytes."""
        wait_until(lambda: self.get(path).content == content, f"the new bytes of {path}")

    def receipt(self, name: str) -> dict[str, Any]:
        """Wait for the purger, probe the edge, and return its receipt of the latest ban of a name."""
        code = code_of_name(name)
        self.purger.run("wait", code, "30").check_returncode()
        found = json.loads(self.purger.run("receipts", code, "--probe", "--json").stdout)
        receipt: dict[str, Any] = found["bans"][-1]["edges"][0]["receipt"]
        return receipt

    def bans(self, name: str) -> list[Any]:
        """Return the open bans of a name."""
        code = code_of_name(name)
        assert re.fullmatch("[A-Za-z0-9_-]{1,64}", code)
        return self.execute(f"SELECT banned_by FROM bans WHERE subject = '{code}' AND lifted_at IS NULL")


def _get(url: str, **headers: str) -> requests.Response:
    return requests.get(url, headers=headers, timeout=PATIENCE)


def _seen(answer: requests.Response) -> tuple[int, str | None, bytes]:
    return answer.status_code, answer.headers.get("Content-Type"), answer.content
