"""Recognises the format of a picture, and removes its metadata (place, camera, comments); pixels stay.

Each format has a list of the parts that a browser needs to show the picture. All other parts are removed, also unknown
ones and bytes behind the picture's end. Of EXIF the orientation stays, and of all other descriptions of the picture the
colour profile. The same bytes always give the same result, and stripping a result changes nothing.
"""

from collections.abc import Iterator

from origin.importing.metadata import avif, gif, jpeg, png, webp
from origin.importing.metadata.reader import MalformedPictureError

__all__ = ["MalformedPictureError", "format_of", "strip"]

_STRIP = {"JPEG": jpeg.strip, "PNG": png.strip, "GIF": gif.strip, "WEBP": webp.strip, "AVIF": avif.strip}
_AVIF_BRANDS = {b"avif", b"avis", b"mif1", b"msf1"}


def format_of(data: bytes) -> str | None:
    """Recognise a picture's format by its first bytes. Returns Pillow's name for it; None for any other file."""
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(png.SIGNATURE):
        return "PNG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    if data[4:8] == b"ftyp" and data[8:12] in _AVIF_BRANDS:
        return "AVIF"
    return None


def strip(data: bytes, format_: str) -> Iterator[bytes | bytearray | memoryview]:
    """Yield the picture without its metadata, in pieces. Raises ``MalformedPictureError``.

    ``format_`` is the result of ``format_of``.
    """
    return _STRIP[format_](data)
