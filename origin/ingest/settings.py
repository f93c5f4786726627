"""Defines the settings of ``origin ingest``, with their defaults."""

from dataclasses import dataclass, field
from pathlib import Path

from origin.importing.rules import ImportRules
from origin.model import Header
from origin.settings import default_workers
from origin.stores.location import Location
from takedown_base.listen_address import Address


@dataclass(frozen=True, slots=True, kw_only=True)
class IngestSettings:
    """All settings of ``origin ingest``. Times are in seconds; the options of the command line say the reasons."""

    database_url: str
    store: Location
    token_file: Path
    listen: Address = field(default_factory=lambda: Address("127.0.0.1", 8001))
    threads: int = 16
    decoders: int = field(default_factory=default_workers)
    rules: ImportRules = field(default_factory=ImportRules)
    body_time: int = 60
    keep_alive: int = 75
    stall: int = 10
    drain: int = 30
    headers: tuple[Header, ...] = ()
