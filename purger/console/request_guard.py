"""Judges by its headers whether a request comes from the console's own pages. Pure functions."""

from collections.abc import Collection, Mapping
from urllib.parse import urlsplit


def host_is_ours(host: str | None, origins: Collection[str]) -> bool:
    """Tell whether Host names the console. Another one leads a browser here by a strange site's DNS (rebinding)."""
    return host is not None and host.lower() in {urlsplit(origin).netloc for origin in origins}


def comes_from_us(headers: Mapping[str, str], origins: Collection[str]) -> bool:
    """Tell whether a form was sent by a page of the console: by Sec-Fetch-Site, and by Origin.

    Browsers send one or both of them with each POST; a request with neither is refused. Names are in lower case.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None and site != "same-origin":
        return False
    if origin is not None:
        return origin.lower() in origins
    return site == "same-origin"
