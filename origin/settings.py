"""Defines the settings of ``origin serve``, with their defaults."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from origin.model import Header, Lifetimes
from origin.stores.location import Location
from takedown_base.listen_address import Address


def default_workers() -> int:
    """Count the processors that this process may use: a Python process uses one at a time."""
    return len(os.sched_getaffinity(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeSettings:
    """All settings of ``origin serve``. Times are in seconds; the options of the command line say the reasons."""

    database_url: str
    store: Location | None  # None: it judges the URLs of a site's own server, and has no images
    in_place: Location | None = None
    replica: bool = False
    listen: Address = field(default_factory=lambda: Address("127.0.0.1", 8000))
    workers: int = field(default_factory=default_workers)
    threads: int = 8
    banned_status: int = 410
    special_image: Path | None = None
    rules: Path | None = None
    headers: tuple[Header, ...] = ()
    lifetimes: Lifetimes = field(default_factory=Lifetimes)
    keep_alive: int = 75
    stall: int = 10
    drain: int = 30
    metrics: Address | None = None
    access_log: str | None = None
