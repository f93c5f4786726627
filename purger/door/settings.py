"""Defines the settings of ``purger door``, with their defaults."""

from dataclasses import dataclass, field
from pathlib import Path

from takedown_base.listen_address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class DoorSettings:
    """All settings of ``purger door``. Times are in seconds; the options of the command line say the reasons."""

    #: The URL of the moderation database, with the door's account.
    database_url: str

    #: The file of clients.
    tokens: Path

    bind: Address = field(default_factory=lambda: Address("127.0.0.1", 8002))

    #: Requests that are answered at a time; each thread keeps a database connection.
    threads: int = 16

    #: Time-out of a statement: a request is answered 503 within 3 s (G9).
    database_timeout: int = 2

    keep_alive: int = 75
    stall: int = 5
    drain: int = 10

    #: Address of the listener for monitoring. None: no listener, as metrics show strangers too much.
    metrics: Address | None = None

    #: Headers of every answer that the server makes by itself.
    headers: tuple[tuple[str, str], ...] = ()
