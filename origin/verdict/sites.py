"""Reads the tables ``[[site]]`` of a file of rules: which server has a host's pictures, and when the origin reads them.

A file without such a table leaves the content of the site's server unread, as does ``first_sight = "never"``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from origin.verdict.rules import normal_host, read_each, require_keys
from takedown_base.listen_address import Address

#: Each key of a site, with its type in Python and in words.
_KEYS: dict[str, tuple[type, str]] = {
    "host": (str, "a text"),
    "server": (str, "a text"),
    "first_sight": (str, "a text"),
}


class FirstSight(StrEnum):
    """When the origin reads the bytes of a URL that it does not know: before anybody sees them, after, or never."""

    BEFORE = "before"
    AFTER = "after"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Site:
    """A host with the server that has its pictures."""

    host: str | None  # in lower case; None: every host without a table of its own
    server: Address | None
    first_sight: FirstSight


def read_sites(path: Path) -> tuple[Site, ...]:
    """Read the sites of a file of rules. Raises ``UnusableRulesError``."""
    hosts = set[str | None]()

    def read(_: int, table: dict[str, Any]) -> Site:
        site = _read_site(table)
        if site.host in hosts:
            raise ValueError("a site above has this host" if site.host else "a site above has no host either")
        hosts.add(site.host)
        return site

    return tuple(read_each(path, "site", read))


def find_site(sites: Sequence[Site], host: str) -> Site | None:
    """Return the site with this host, or else the one for every host; None without either."""
    by_host = {site.host: site for site in sites}
    return by_host.get(host) or by_host.get(None)


def _read_site(table: dict[str, Any]) -> Site:
    """Read one table. Raises ``ValueError`` with what is wrong in it."""
    require_keys(table, _KEYS, "site")
    server = read_server(table["server"]) if "server" in table else None
    text = table.get("first_sight", FirstSight.BEFORE if server else FirstSight.NEVER)
    try:
        first_sight = FirstSight(text)
    except ValueError:
        raise ValueError(f"first_sight is {text!r}, and has to be one of {', '.join(FirstSight)}") from None
    if server is None and first_sight is not FirstSight.NEVER:
        raise ValueError("it has no server from which the origin could read")
    return Site(normal_host(table.get("host")), server, first_sight)


def read_server(text: str) -> Address:
    """Read the URL of a server, without a path. Raises ``ValueError`` with what is wrong in it."""
    parts = urlsplit(text)
    try:
        port = 80 if parts.port is None else parts.port
    except ValueError:
        port = 0
    if (
        parts.scheme != "http"
        or not parts.hostname
        or not port
        or parts.username
        or parts.path.strip("/")
        or parts.query
    ):
        raise ValueError(f"server is {text!r}: it has to be like http://127.0.0.1:8080")
    return Address(parts.hostname, port)
