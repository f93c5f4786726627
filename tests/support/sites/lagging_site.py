"""Run a site whose origin reads a replica, which lags when a test says so."""

import shutil
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import requests
from PIL import Image

from stack.edges.edge import Edge
from stack.origin import Origin
from stack.processes.waiting import PATIENCE, wait_until
from stack.purger import Purger
from tests.support.database.replica import Primary, Replica

_numbers = count(1)


class LaggingSite:
    """An edge whose origin reads a replica, and a purger on the primary."""

    def __init__(self, directory: Path) -> None:
        self.primary = Primary(directory / "primary")
        self.copy = Replica(directory / "copy", self.primary)
        options = {"ORIGIN_DATABASE_URL": self.copy.url("origin"), "ORIGIN_REPLICA": "true", "ORIGIN_THREADS": "16"}
        self.origin = Origin(directory / "origin", self.primary, options=options)
        self.edge = Edge(directory / "edge", self.origin.address)
        self.purger = Purger(directory / "purger", self.primary)
        self._directory = directory
        self._running = ExitStack()

    def __enter__(self) -> Self:
        with ExitStack() as running:
            running.enter_context(self.primary).migrate()
            for server in (self.copy, self.origin, self.edge):
                running.enter_context(server)
            self.purger.add_edge(self.edge)
            running.enter_context(self.purger)
            self._running = running.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running.__exit__(kind, error, traceback)

    def import_images(self, codes: Iterable[str]) -> None:
        """Import an image under each code, and wait until the edge may cache all of them."""
        number = next(_numbers)
        pictures = self._directory / f"pictures-{number}"
        pictures.mkdir()
        picture = self._directory / "picture.png"
        Image.new("RGB", (16, 16)).save(picture)
        for code in codes:
            shutil.copy(picture, pictures / f"{code}.png")
        self.origin.import_images(pictures, f"owner-{number}")
        self.edge.wait_trusted()
        url = f"{self.origin.url}/images/{max(path.stem for path in pictures.iterdir())}"
        wait_until(
            lambda: "Last-Modified" in requests.head(url, timeout=PATIENCE).headers,
            "Last-Modified, which the replica has late",
        )

    def get(self, code: str, session: requests.Session | None = None) -> requests.Response:
        """GET an image from the edge."""
        return (session or requests).get(f"{self.edge.url}/images/{code}", timeout=PATIENCE)

    def moderate(self, statement: str, code: str) -> None:
        """Run a statement about a code on the primary, with moderation's account."""
        with self.primary.connect("moderation") as connection, connection.cursor() as cursor:
            cursor.execute(statement, (code,))
