"""Set the database's clock back: no two states of an image that the origin sends share a Last-Modified.

With ``--sysdate-is-now`` the server's clock is that of the session, which a session may set.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests

from stack.databases.database import Database
from stack.origin import Origin
from stack.processes.waiting import PATIENCE, wait_until
from stack.samples import draw

HOUR = 3600


class Clock(ExitStack):
    """A database and an origin, with batches that are numbered at times that the test chooses."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self._directory = directory
        self.database = self.enter_context(Database(directory / "database", ["--sysdate-is-now"], migrated=True))
        self.origin = self.enter_context(Origin(directory / "origin", self.database))

    def number(self, clock: float) -> float:
        """Put the waiting changes into a batch at this time, in seconds since 1970. Returns the batch's date."""
        with self.database.connect("purger") as connection, connection.cursor() as cursor:
            cursor.execute("SET SESSION timestamp = %s", (clock,))
            cursor.execute("CALL number_invalidations(NULL, NULL, @size, @more)")
            cursor.execute("SELECT CAST(UNIX_TIMESTAMP(numbered_at) AS DOUBLE) FROM numbering")
            ((date,),) = cursor.fetchall()
        return float(str(date))

    def change(self) -> None:
        """Insert a row into the outbox."""
        with self.database.connect("purger") as connection, connection.cursor() as cursor:
            cursor.execute("INSERT INTO invalidations (scope, subject, cause) VALUES ('image', 'a', 'resend')")

    def replace(self, text: str) -> None:
        """Import a new image under the code ``cat``."""
        directory = self._directory / text
        directory.mkdir()
        draw(directory / "cat.png", text, hue=0.5, size=(40, 30))
        self.origin.import_images(directory, "anna")

    def get(self, **headers: str) -> requests.Response:
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.get(f"{self.origin.url}/images/cat", headers=names, timeout=PATIENCE)

    def dated(self) -> requests.Response:
        """Wait until the origin sends Last-Modified with the image, so that an edge may cache it for long."""

        def answer() -> requests.Response | None:
            found = self.get()
            return found if "Last-Modified" in found.headers else None

        return wait_until(answer, "Last-Modified")


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Clock]:
    with Clock(tmp_path_factory.mktemp("clock")) as clock:
        yield clock


def test_a_state_from_before_the_clock_was_set_back_is_told_from_the_next(clock: Clock) -> None:
    now = time.time()
    clock.replace("before")
    clock.number(now)
    before = clock.dated()
    clock.replace("after")
    clock.number(now - HOUR)
    after = clock.dated()
    assert after.content != before.content
    assert clock.get(If_Modified_Since=before.headers["Last-Modified"]).status_code == 200
    assert clock.get(If_Modified_Since=after.headers["Last-Modified"]).status_code == 304


def test_dates_go_on_from_there_and_catch_up(clock: Clock) -> None:
    now = time.time() + 2 * HOUR
    dates = []
    for clock_then in (now, now - HOUR, now - HOUR + 1, now - 2 * HOUR, now + 10):
        clock.change()
        dates.append(clock.number(clock_then) - now)
    assert dates == pytest.approx([0, 1, 1, 2, 10], abs=0.001)
    assert dates == sorted(set(dates))


def test_nodes_whose_clocks_differ_a_little_do_not_drive_the_dates_ahead(clock: Clock) -> None:
    now = time.time() + 4 * HOUR
    for number in range(40):
        clock.change()
        date = clock.number(now + 0.1 * number - 0.2 * (number % 2))
        assert date < now + 0.1 * number + 3.1
