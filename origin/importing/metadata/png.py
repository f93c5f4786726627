"""Strips PNG (third edition, with APNG): a list of chunks, each with its length, type and checksum."""

import zlib
from collections.abc import Iterator

from origin.importing.metadata.orientation import only_orientation
from origin.importing.metadata.reader import ByteReader, MalformedPictureError, names

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_CRITICAL = names(b"IHDR PLTE IDAT IEND")
_COLOURS = names(b"tRNS gAMA cHRM sRGB iCCP sBIT bKGD pHYs")
_HIGH_DYNAMIC_RANGE = names(b"cICP mDCV cLLI")
_ANIMATION = names(b"acTL fcTL fdAT")
_KEPT = _CRITICAL | _COLOURS | _HIGH_DYNAMIC_RANGE | _ANIMATION


def strip(data: bytes) -> Iterator[bytes | memoryview]:
    """Keep pixels, palette, colours, animation and orientation; drop all other chunks, and bytes behind the end.

    Raises ``MalformedPictureError``.
    """
    view = memoryview(data)
    yield view[: len(SIGNATURE)]
    reader = ByteReader(data, len(SIGNATURE), len(data))
    turned = False
    while reader.at < reader.end:
        start = reader.at
        length, kind = reader.uint(4), reader.take(4)
        content = reader.skip(length + 4)
        if kind in _KEPT:
            yield view[start : reader.at]
        elif kind == b"eXIf" and not turned:  # the first one counts
            turned = True
            if kept := only_orientation(data[content : content + length]):
                yield _chunk(kind, kept)
        elif not kind[0] & 0x20:
            raise MalformedPictureError(f"a critical chunk {kind!r} at byte {start}, that no decoder may pass over")
        if kind == b"IEND":
            return


def _chunk(kind: bytes, content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")
