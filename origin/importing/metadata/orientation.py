"""Reduces EXIF to the orientation, the one part that a browser needs to show a picture upright."""

import warnings

from PIL import Image

_TAG = 0x0112
_UPRIGHT = 1
_TURNED = range(2, 9)

#: A TIFF structure without any entry, for places whose length must not change.
EMPTY = b"MM\0*\0\0\0\x08\0\0\0\0\0\0"


def only_orientation(exif: bytes) -> bytes:
    """Return a TIFF structure with only the orientation; empty where the picture is upright.

    ``exif`` is a TIFF structure, with or without ``Exif`` and two zero bytes before it. A malformed one counts as
    upright: browsers do not turn such pictures either.
    """
    value = _orientation(exif)
    if value not in _TURNED:
        return b""
    # Big-endian; one directory, at byte 8, with one entry: tag, type SHORT, count 1, value; no further directory.
    return b"MM\0*\0\0\0\x08" + b"\0\1" + b"\x01\x12\0\x03\0\0\0\x01" + bytes((0, value, 0, 0)) + bytes(4)


def _orientation(exif: bytes) -> int:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            tags = Image.Exif()
            tags.load(exif)
            value = tags.get(_TAG, _UPRIGHT)
        except Exception:  # Pillow raises errors of any type when a structure makes no sense
            return _UPRIGHT
    return value if isinstance(value, int) else _UPRIGHT
