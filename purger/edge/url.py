"""Parses the URLs of edges. No text made from one shows a user or a password."""

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

from takedown_base.printable import printable


class UnusableEdgeUrlError(ValueError):
    """A URL with more or less than the scheme, host and port of an edge's listener."""


def split_url(text: str) -> tuple[str, str, int]:
    """Split ``http[s]://host:port`` into scheme, host and port. Raises ``UnusableEdgeUrlError``."""
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        raise UnusableEdgeUrlError(f"{shown(text)} is not a URL") from None
    if "@" in text:
        raise UnusableEdgeUrlError(
            f"{shown(text)} has a user or a password, which no edge asks for: the token file is what lets a purger in"
        )
    if scheme not in ("http", "https") or not host or not re.fullmatch(r"[!-~]+", text):
        raise UnusableEdgeUrlError(f"{shown(text)} is not an http:// or https:// URL with a host")
    if parts.query or parts.fragment or parts.path not in ("", "/"):
        raise UnusableEdgeUrlError(f"{shown(text)} has more than scheme, host and port")
    return scheme, host, port or (443 if scheme == "https" else 80)


def shown(text: str) -> str:
    """Quote a URL on one line, without the user and password before its last ``@``."""
    return repr(printable(re.sub(r"^([^/]*//)?.*@", r"\1", text)))


def is_private(text: str) -> bool:
    """Tell whether a URL names loopback or a private address, over which a token may go unencrypted.

    No host name is taken for private but ``localhost``, as a name says nothing about the network.
    """
    _, host, _ = split_url(text)
    try:
        return ip_address(host).is_private
    except ValueError:
        return host == "localhost"
