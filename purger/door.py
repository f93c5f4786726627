"""Looks at an edge as everyone does: through its public door."""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass

import requests

from purger.errors import UnreachableError

_CHUNK = 64 * 1024


@dataclass(frozen=True, slots=True)
class Look:
    """What came for one code. ``served`` names the renditions whose URL showed the image."""

    status: int  # of the first that was served, otherwise of the original's URL
    served: tuple[str, ...]


class Door:
    """Asks for images at any edge's public listener; for one thread."""

    def __init__(self, *, connect_timeout: float = 1.0, read_timeout: float = 5.0, longest: float = 20.0) -> None:
        """Time-outs in seconds; ``longest`` bounds one whole answer."""
        self._timeout = (connect_timeout, read_timeout)
        self._longest = longest
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.headers.clear()
        self._session.headers["User-Agent"] = "edge-takedown-purger"

    def look(self, public_url: str, code: str, digests: Mapping[str, str]) -> Look:
        """Ask for ``code`` in the renditions that ``digests`` (SHA-256 in hex, by name) has, and the original's URL.

        A URL shows the image when the body is any of its renditions. Raises ``UnreachableError``.
        """
        first: int | None = None
        served: dict[str, int] = {}
        for name in dict.fromkeys(("original", *digests)):
            path = f"/images/{code}" if name == "original" else f"/images/{code}/{name}"
            status, digest = self._fetch(public_url.rstrip("/") + path)
            first = first or status
            if digest in digests.values():
                served[name] = status
        return Look(next(iter(served.values()), first or 0), tuple(served))

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def _fetch(self, url: str) -> tuple[int, str]:
        try:
            with self._session.get(url, timeout=self._timeout, allow_redirects=False, stream=True) as response:
                digest = hashlib.sha256()
                until = time.monotonic() + self._longest
                for chunk in response.iter_content(_CHUNK):
                    digest.update(chunk)
                    if time.monotonic() > until:
                        raise UnreachableError(f"{url}: no end of the answer within {self._longest:g} s")
                return response.status_code, digest.hexdigest()
        except (requests.RequestException, ValueError) as error:
            raise UnreachableError(f"{url}: {type(error).__name__}") from error
