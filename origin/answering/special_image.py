"""Reads the image that is shown instead of a banned one. It is small, and read once, at start."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from takedown_base.printable import printable

_DEFAULT = Path(__file__).with_name("special.svg")
_CONTENT_TYPES = {
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".avif": "image/avif",
}


class UnusableSpecialImageError(ValueError):
    """The special image cannot be read, is empty, or has a type that browsers do not show."""


@dataclass(frozen=True, slots=True)
class SpecialImage:
    """The special image; ``digest`` is its SHA-256 in hex."""

    content_type: str
    body: bytes
    digest: str


def read_special_image(path: Path | None) -> SpecialImage:
    """Read the special image, or the built-in one where ``path`` is None. Raises ``UnusableSpecialImageError``."""
    path = path or _DEFAULT
    content_type = _CONTENT_TYPES.get(path.suffix.lower())
    if content_type is None:
        raise UnusableSpecialImageError(
            f"special image {printable(path)}: its name must end with one of {', '.join(_CONTENT_TYPES)}"
        )
    try:
        body = path.read_bytes()
    except OSError as error:
        raise UnusableSpecialImageError(f"special image {printable(path)}: {error.strerror}") from None
    if not body:
        raise UnusableSpecialImageError(f"special image {printable(path)}: the file is empty")
    return SpecialImage(content_type, body, hashlib.sha256(body).hexdigest())
