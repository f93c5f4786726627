"""Strips WebP (RFC 9649): a RIFF file, in its extended form with chunks for metadata and flags that announce them."""

from collections.abc import Iterator

from origin.importing.metadata.orientation import only_orientation
from origin.importing.metadata.reader import ByteReader, MalformedPictureError

_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
_KEPT_IN_FRAME = {b"VP8 ", b"VP8L", b"ALPH"}

#: Bytes of the header of a frame.
_FRAME_HEADER = 16

_HAS_EXIF, _HAS_XMP = 0x08, 0x04


def strip(data: bytes) -> Iterator[bytes | memoryview]:
    """Keep pictures, animation, transparency, colour profile and orientation; drop all else, also behind the end.

    Raises ``MalformedPictureError``.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise MalformedPictureError(f"broken or truncated: the file ends at byte {len(data)}, before {end}")
    chunks = list(_chunks(data, 12, end))
    exif = next((content for kind, content in chunks if kind == b"EXIF"), b"")
    exif = only_orientation(bytes(exif)) if exif else b""
    body = []
    for kind, content in chunks:
        if kind == b"VP8X" and content:
            flags = content[0] & ~(_HAS_EXIF | _HAS_XMP) | (_HAS_EXIF if exif else 0)
            body += _chunk(kind, bytes((flags,)), content[1:])
        elif kind == b"ANMF":
            body += _chunk(kind, *_frame(content))
        elif kind in _KEPT:
            body += _chunk(kind, content)
        elif kind == b"EXIF" and exif:
            body += _chunk(kind, exif)
            exif = b""
    yield b"RIFF" + (4 + sum(map(len, body))).to_bytes(4, "little") + b"WEBP"
    yield from body


def _chunks(data: bytes, at: int, end: int) -> Iterator[tuple[bytes, memoryview]]:
    """Read the chunks between two bytes of the file: type and content of each."""
    view, reader = memoryview(data), ByteReader(data, at, end)
    while reader.at < end:
        kind, length = reader.take(4), int.from_bytes(reader.take(4), "little")
        start = reader.skip(length)
        yield kind, view[start : reader.at]
        if length % 2 and reader.at < end:
            reader.skip(1)


def _chunk(kind: bytes, *contents: bytes | memoryview) -> list[bytes | memoryview]:
    length = sum(map(len, contents))
    return [kind + length.to_bytes(4, "little"), *contents, bytes(length % 2)]


def _frame(content: memoryview) -> list[bytes | memoryview]:
    """Reduce one frame of an animation to the chunks that a browser needs."""
    kept: list[bytes | memoryview] = [content[:_FRAME_HEADER]]
    for kind, part in _chunks(bytes(content), _FRAME_HEADER, len(content)):
        if kind in _KEPT_IN_FRAME:
            kept += _chunk(kind, part)
    return kept
