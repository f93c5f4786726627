"""Moderate images of the chaos checker's system, and read them through its first edge."""

from itertools import count

import requests

from stack.edges.edge import Edge
from stack.processes.waiting import PATIENCE, wait_until
from tests.chaos.history import BANNED, Other, State
from tests.chaos.system.system_with_proxies import System

_numbers = count(1)


class OneEdgeSite:
    """Images of a running ``System``, their bans and lifts, and what its first edge shows of them."""

    def __init__(self, system: System) -> None:
        self.system = system

    @property
    def edge(self) -> Edge:
        return self.system.edges[0]

    def new_image(self) -> str:
        """Add an image, and wait until the edge has cached it for long. Returns its code."""
        code = f"image-{next(_numbers)}"
        self.system.add_images("owner", [code])
        self.system.settle()
        self.wait_kept(code)
        return code

    def wait_kept(self, code: str) -> None:
        """Wait until the edge has cached an image for long. Raises ``TimeoutError``."""

        def kept() -> bool:
            answer = self.get(code)
            # Without Last-Modified the edge keeps it for two seconds only.
            return "Last-Modified" in answer.headers and "; hit" in answer.headers["Cache-Status"]

        wait_until(kept, f"{code} in the cache")

    def ban(self, code: str) -> None:
        self._moderate("INSERT INTO bans (scope, subject) VALUES ('image', %s)", code)

    def replace(self, code: str) -> None:
        """Import the next version of an image."""
        self.system.add_images("owner", [code])

    def lift(self, code: str) -> None:
        self._moderate("UPDATE bans SET lifted_at = UTC_TIMESTAMP(3) WHERE subject = %s", code)

    def shown(self, code: str) -> State | Other:
        """Return the state in which the edge shows an image now: ``BANNED``, a version, or an error."""
        answer = self.get(code)
        return self.system.catalogue.recognise(code, "original", answer.status_code, answer.content)

    def wait_shown(self, code: str, state: State = BANNED) -> None:
        """Wait until the edge shows an image in this state. Raises ``TimeoutError``."""
        wait_until(lambda: self.shown(code) == state, f"{code} in state {state}")

    def get(self, code: str) -> requests.Response:
        """GET an image from the edge."""
        return requests.get(f"{self.edge.url}/images/{code}", timeout=PATIENCE)

    def _moderate(self, statement: str, code: str) -> None:
        with self.system.database.connect("moderation") as connection, connection.cursor() as cursor:
            cursor.execute(statement, (code,))
