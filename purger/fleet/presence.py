"""Records in the database that this purger is alive (its signature in ``purgers``), and reads which others are."""

import os
import re
import secrets
import socket
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version

from purger.fleet.present_purgers import Signature
from purger.model import PurgerPresence
from takedown_base.printable import printable
from takedown_db.connection.lasting_connection import Connection, fetch_sets

#: Seconds between two removals of the rows of purgers that are long gone.
_TIDY_INTERVAL = 3600.0


def present(connection: Connection) -> list[PurgerPresence]:
    """Read the purgers that have signed within the last day, the latest first. Raises ``DatabaseUnavailableError``."""
    return [PurgerPresence(*row) for row in connection.rows("purgers_present")]


class Presence:
    """The row of this process in the table ``purgers``. Its methods raise ``DatabaseUnavailableError``."""

    def __init__(self, connection: Connection) -> None:
        self.id = secrets.token_hex(16)
        self._connection = connection
        self._began = time.monotonic()
        self._tidied: float | None = None
        self._values = {
            "id": self.id,
            "host": printable(socket.gethostname())[:255],
            "pid": os.getpid(),
            "version": re.sub(r"[^!-~]", "", version("edge-takedown"))[:64],
        }

    def sign(self) -> tuple[list[Signature], dict[str, str | None]]:
        """Sign; return the signatures of all purgers, and each enabled edge with its purger."""
        with self._connection.cursor() as cursor:
            seconds = int(time.monotonic() - self._began)
            signatures, claims, *_ = fetch_sets(
                cursor, "share_edges", **self._values, seconds=seconds, clock=datetime.now(UTC).replace(tzinfo=None)
            )
        if self._tidied is None or time.monotonic() - self._tidied > _TIDY_INTERVAL:
            self._connection.run("forget_purgers")
            self._tidied = time.monotonic()
        return list(_signatures(signatures)), dict(claims)

    def end(self) -> None:
        """Remove the row."""
        self._connection.run("end_presence", id=self.id)


def _signatures(rows: Iterable[tuple[str, int, float]]) -> Iterable[Signature]:
    return (Signature(purger, int(beat), float(age)) for purger, beat, age in rows)
