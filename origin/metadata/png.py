"""PNG (third edition, with APNG): a list of chunks, each with its length, kind and checksum."""

import zlib
from collections.abc import Iterator

from origin.metadata.orientation import only_orientation
from origin.metadata.reader import MalformedPictureError, Reader

SIGNATURE = b"\x89PNG\r\n\x1a\n"

_KEPT = {
    *(b"IHDR", b"PLTE", b"IDAT", b"IEND"),
    *(b"tRNS", b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"pHYs"),
    *(b"cICP", b"mDCV", b"cLLI"),  # high dynamic range
    *(b"acTL", b"fcTL", b"fdAT"),  # animation
}


def strip(data: bytes) -> Iterator[bytes | memoryview]:
    """Keep pixels, palette, colours, animation and orientation; drop texts, times, all other chunks, and what follows.

    Raises ``MalformedPictureError``.
    """
    view = memoryview(data)
    yield view[: len(SIGNATURE)]
    reader = Reader(data, len(SIGNATURE), len(data))
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
