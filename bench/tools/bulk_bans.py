"""Ban in bulk and one by one, and wait until all edges have acknowledged that, with few reads of the database."""

import hashlib
import string
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from itertools import count

from stack.databases.database import Database
from stack.processes.waiting import wait_until
from takedown_base.scope import Scope

#: Bans of a bulk.
BANS = 100_000

SCOPES: Sequence[str] = tuple(Scope)

#: Last characters of subjects, by which edges group them.
_ENDINGS = string.ascii_letters + string.digits
_bulks = count(1)


def subject_of(scope: str, prefix: str, number: int) -> str:
    """Make a subject of a scope. The last characters of all of them are evenly spread."""
    name = f"{prefix}-{number}{_ENDINGS[number % 62]}"
    return hashlib.sha256(name.encode()).hexdigest() if scope == Scope.DIGEST else name


class Bulks:
    """Bans in one database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def commit(self, scope: str) -> int:
        """Ban 100,000 subjects of a scope in one transaction; return the last batch number from before it."""
        before, prefix = self._number("SELECT last_batch FROM numbering"), f"bulk{next(_bulks)}"
        with closing(self._database.connect("moderation")) as moderation, moderation.cursor() as cursor:
            moderation.start_transaction()
            for start in range(0, BANS, 5000):
                numbers = range(start, start + 5000)
                rows = ", ".join(f"('{scope}', '{subject_of(scope, prefix, number)}')" for number in numbers)
                cursor.execute(f"INSERT INTO bans (scope, subject) VALUES {rows}")
            moderation.commit()
        return before

    def wait_acknowledged(self, before: int, rows: int = BANS) -> None:
        """Wait until so many rows have a batch above ``before``, and each edge has acknowledged these batches.

        Reads a few small rows only: a query on the outbox would slow down what is measured.
        """
        with closing(self._database.connect("purger")) as connection, connection.cursor() as cursor:

            def numbered() -> int | None:
                cursor.execute(f"SELECT SUM(size), MAX(batch) FROM batches WHERE batch > {before}")
                ((size, batch),) = cursor.fetchall()
                return int(str(batch)) if int(str(size or 0)) >= rows else None

            def acknowledged() -> bool:
                cursor.execute(f"SELECT 1 FROM edges WHERE acknowledged < {batch}")
                return not cursor.fetchall()

            batch = wait_until(numbered, "all bans numbered", seconds=120)
            wait_until(acknowledged, "all bans acknowledged", seconds=120)

    def ban_at_once(self, scope: str) -> None:
        """Ban 100,000 subjects of a scope, and wait until their prompt rebounds are over."""
        self.wait_acknowledged(self.commit(scope))
        self.settle()

    def ban(self, scope: str, subject: str) -> None:
        """Ban one subject, and wait until each edge has acknowledged it."""
        before = self._number("SELECT last_batch FROM numbering")
        with closing(self._database.connect("moderation")) as moderation, moderation.cursor() as cursor:
            cursor.execute("INSERT INTO bans (scope, subject) VALUES (%s, %s)", (scope, subject))
        self.wait_acknowledged(before, rows=1)

    def settle(self) -> None:
        """Wait until each edge has had the prompt rebounds of everything."""
        behind = "SELECT COUNT(*) FROM edges JOIN numbering WHERE rebounded < last_batch"
        wait_until(lambda: self._number(behind) == 0, "all rebounds acknowledged")

    def _number(self, text: str) -> int:
        with closing(self._database.connect("purger")) as connection, connection.cursor() as cursor:
            cursor.execute(text)
            ((number,),) = cursor.fetchall()
            return int(str(number))


def measure_until(over: threading.Event, once: Callable[[], float], pause: float) -> list[float]:
    """Measure once, and again each ``pause`` seconds until it is ``over``."""
    seen = [once()]
    while not over.wait(pause):
        seen.append(once())
    return seen
