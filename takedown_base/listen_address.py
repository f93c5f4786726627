"""Reads addresses to listen on."""

import re
from dataclasses import dataclass

_FORM = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]\s]+)):(?P<port>\d{1,5})")


@dataclass(frozen=True, slots=True)
class Address:
    """An address to listen on. Port 0 takes a free port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse_address(text: str, *, host: str | None = None) -> Address:
    """Read ``HOST:PORT`` or ``[IPv6]:PORT``; a mere port as well where a default ``host`` is given.

    Raises ``ValueError``.
    """
    match = _FORM.fullmatch(f"{host}:{text}" if host is not None and text.isascii() and text.isdigit() else text)
    if match is None or int(match["port"]) > 65535:
        forms = "HOST:PORT" if host is None else "PORT or HOST:PORT"
        raise ValueError(f"{text!r} is not {forms}, as in 127.0.0.1:8000 or [::1]:8000")
    return Address(match["v6"] or match["host"], int(match["port"]))
