"""Defines the settings of the console, and refuses those that would expose it."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from purger.console.users.users import User
from takedown_base.listen_address import Address

#: The name of a header of HTTP.
_HEADER = re.compile(r"[A-Za-z0-9-]{1,64}")


class UnusableConsoleError(ValueError):
    """Settings that do not fit together, or would send passwords in the clear. The message says what to set."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleSettings:
    """The settings of one console."""

    listen: Address

    #: The file of users, whose lines `purger console-password` makes; or the only user.
    users: Path | User

    #: The URL under which browsers see the console; None: the address on which it listens.
    url: str | None = None

    #: The database URL with moderation's account; None: the console only shows, and bans nothing.
    moderation_url: str | None = None

    #: The header by which a proxy in front names the user; None: users sign in with their passwords.
    proxy_header: str | None = None

    #: The file with the token that the proxy has to send, as nobody else may name a user.
    proxy_token: Path | None = None

    def check(self) -> None:
        """Raise ``UnusableConsoleError`` where the settings cannot be used together."""
        if (self.proxy_header is None) != (self.proxy_token is None):
            raise UnusableConsoleError("--console-proxy-header and --console-proxy-token-file need each other")
        if self.proxy_header is not None and isinstance(self.users, User):
            raise UnusableConsoleError("--console-proxy-header needs --console-users, the roles of those whom it names")
        if self.proxy_header is not None and not _HEADER.fullmatch(self.proxy_header):
            raise UnusableConsoleError(f"{self.proxy_header!r} is not the name of a header")
        if self.url is not None:
            _check_url(self.url)
        if not _is_loopback(self.listen.host) and not (self.url or "").startswith("https://"):
            raise UnusableConsoleError(
                f"{self.listen} is not loopback: passwords would cross the network in the clear. Listen on loopback, "
                "or put TLS in front and give its https:// URL with --console-url"
            )

    @property
    def is_https(self) -> bool:
        """Tell whether browsers reach the console over TLS."""
        return (self.url or "").startswith("https://")

    def origins(self, port: int) -> frozenset[str]:
        """Return the origins of the console (``http://127.0.0.1:6190``), when it listens on ``port``."""
        if self.url is not None:
            parts = urlsplit(self.url)
            return frozenset({f"{parts.scheme}://{parts.netloc.lower()}"})
        hosts = {str(Address(self.listen.host, port)), f"localhost:{port}"}
        return frozenset(f"http://{host}" for host in hosts)


def _check_url(text: str) -> None:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise UnusableConsoleError(f"{text!r} is not a URL") from None
    whole = parts.scheme in ("http", "https") and parts.hostname and parts.path in ("", "/")
    if not whole or parts.query or parts.fragment or "@" in parts.netloc or port == 0:
        raise UnusableConsoleError(f"{text!r} is not http:// or https:// with a host, perhaps a port, and nothing else")
    if parts.scheme == "http" and not _is_loopback(str(parts.hostname)):
        raise UnusableConsoleError(f"{text!r} is not https: passwords would cross the network in the clear")


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
