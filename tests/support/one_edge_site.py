"""A running system with one edge, as moderators and a client of that edge see it."""

from itertools import count

import requests

from stack.edge import Edge
from stack.waiting import PATIENCE, wait_until
from tests.chaos.history import BANNED, Other, State
from tests.chaos.system import System

_numbers = count(1)


class OneEdgeSite:
    """Images of a system, their bans and lifts, and what its edge shows of them."""

    def __init__(self, system: System) -> None:
        self.system = system

    @property
    def edge(self) -> Edge:
        return self.system.edges[0]

    def new_image(self) -> str:
        """Add an image that the edge then holds until the test takes it out. Returns its code."""
        code = f"image-{next(_numbers)}"
        self.system.add_images("owner", [code])
        self.system.settle()
        self.wait_kept(code)
        return code

    def wait_kept(self, code: str) -> None:
        """Wait until the edge holds an image that it need not ask for again. Raises ``TimeoutError``."""

        def kept() -> bool:
            answer = self.get(code)
            # Without a date it would be kept for two seconds only.
            return "Last-Modified" in answer.headers and "; hit" in answer.headers["Cache-Status"]

        wait_until(kept, f"{code} in the cache")

    def ban(self, code: str) -> None:
        self._moderate("INSERT INTO bans (scope, subject) VALUES ('image', %s)", code)

    def replace(self, code: str) -> None:
        """Give an image its next version."""
        self.system.add_images("owner", [code])

    def lift(self, code: str) -> None:
        self._moderate("UPDATE bans SET lifted_at = UTC_TIMESTAMP(3) WHERE subject = %s", code)

    def shown(self, code: str) -> State | Other:
        """The state of an image that the edge shows now: ``BANNED``, a version, or an error."""
        answer = self.get(code)
        return self.system.catalogue.recognise(code, "original", answer.status_code, answer.content)

    def wait_shown(self, code: str, state: State = BANNED) -> None:
        """Wait until the edge shows this state. Raises ``TimeoutError``."""
        wait_until(lambda: self.shown(code) == state, f"{code} in state {state}")

    def get(self, code: str) -> requests.Response:
        """What the edge answers to a client that asks for an image."""
        return requests.get(f"{self.edge.url}/images/{code}", timeout=PATIENCE)

    def _moderate(self, statement: str, code: str) -> None:
        with self.system.database.connect("moderation") as connection, connection.cursor() as cursor:
            cursor.execute(statement, (code,))
