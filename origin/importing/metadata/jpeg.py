"""Strips JPEG (ITU T.81, JFIF): segments before and between the scans, where most applications add their own."""

import re
from collections.abc import Iterator

from origin.importing.metadata.orientation import only_orientation
from origin.importing.metadata.reader import ByteReader, MalformedPictureError

_SOI, _EOI, _SOS = 0xD8, 0xD9, 0xDA
_APP0, _APP1, _APP2, _APP14 = 0xE0, 0xE1, 0xE2, 0xEE

#: Markers without a segment.
_ALONE = {0x01, _SOI, *range(0xD0, 0xD8)}

#: Frames and tables: SOF0 to SOF15 with DHT and DAC among them, DQT, DNL, DRI, DHP, EXP.
_KEPT = {*range(0xC0, 0xD0), *range(0xDB, 0xE0)}

#: Scans of a picture. Programs write 10 to 30; each takes the decoder some 10 ns a pixel, even where it holds nothing.
_MOST_SCANS = 100

_MARKER = re.compile(rb"\xff[^\x00\xff]")

#: The end of a scan's data: a marker that is neither a stuffed zero, nor a restart, nor a fill byte.
_AFTER_SCAN = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")


def strip(data: bytes) -> Iterator[bytes | memoryview]:
    """Keep frames, tables, scans, JFIF's and Adobe's headers, the colour profile and the orientation.

    Drops all bytes behind the first picture's end, further pictures (MPO, motion photo, gain map) among them. Raises
    ``MalformedPictureError``.
    """
    view = memoryview(data)
    reader = ByteReader(data, 2, len(data))
    yield view[:2]
    turned, scans = False, 0
    while marker := _MARKER.search(data, reader.at):
        start, kind = marker.start(), data[marker.start() + 1]
        reader.skip(start + 2 - reader.at)
        if kind == _EOI:
            yield view[start : reader.at]
            break
        if kind in _ALONE:
            continue
        reader.skip(reader.uint(2) - 2)
        if kind == _SOS:
            scans += 1
            if scans > _MOST_SCANS:
                raise MalformedPictureError(f"more than {_MOST_SCANS} scans, at byte {start}")
            after = _AFTER_SCAN.search(data, reader.at)
            reader.skip((after.start() if after else len(data)) - reader.at)
        at = reader.at
        if kind in _KEPT or kind == _SOS:
            yield view[start:at]
        elif kind == _APP1 and data.startswith(b"Exif\0\0", start + 4):
            if not turned:  # the first one counts
                yield _orientation(data[start + 4 : at])
            turned = True
        else:
            yield _application(kind, data[start + 4 : at])
    if not scans:
        raise MalformedPictureError("no scan, which holds the pixels")


def _application(kind: int, content: bytes) -> bytes:
    """Reduce an APPn segment to its header, or to its part of the colour profile; empty for all others."""
    if kind == _APP0 and content.startswith(b"JFIF\0") and len(content) >= 14:
        return _segment(kind, content[:12] + bytes(2))  # without its preview
    if kind == _APP2 and content.startswith(b"ICC_PROFILE\0"):
        return _segment(kind, content)
    if kind == _APP14 and content.startswith(b"Adobe") and len(content) >= 12:
        return _segment(kind, content[:12])
    return b""


def _orientation(exif: bytes) -> bytes:
    kept = only_orientation(exif)
    return _segment(_APP1, b"Exif\0\0" + kept) if kept else b""


def _segment(kind: int, content: bytes) -> bytes:
    return bytes((0xFF, kind)) + (len(content) + 2).to_bytes(2, "big") + content
