"""Strips WebP (RFC 9649): a RIFF file, in its extended form with chunks for metadata and flags that announce them."""

from collections.abc import Iterator

from origin.importing.metadata.orientation import only_orientation
from origin.importing.metadata.reader import ByteReader, MalformedPictureError

_KEPT = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF", b"ICCP"}
_KEPT_IN_FRAME = {b"VP8 ", b"VP8L", b"ALPH"}

#: Bytes of the header of a frame.
_FRAME_HEADER = 16

_HAS_EXIF, _HAS_XMP = 0x08, 0x04


def strip(data: bytes) -> Iterator[bytes | bytearray]:
    """Keep pictures, animation, transparency, colour profile and orientation; drop all else, also behind the end.

    Raises ``MalformedPictureError``.
    """
    end = 8 + int.from_bytes(data[4:8], "little")
    if end > len(data):
        raise MalformedPictureError(f"broken or truncated: the file ends at byte {len(data)}, before {end}")
    view = memoryview(data)
    exif = next((bytes(content) for kind, content in _chunks(view, 12, end) if kind == b"EXIF"), b"")
    exif = only_orientation(exif) if exif else b""
    body = bytearray()
    for kind, content in _chunks(view, 12, end):
        if kind == b"VP8X" and content:
            flags = content[0] & ~(_HAS_EXIF | _HAS_XMP) | (_HAS_EXIF if exif else 0)
            _add(body, kind, bytes((flags,)), content[1:])
        elif kind == b"ANMF":
            _add(body, kind, _frame(content))
        elif kind in _KEPT:
            _add(body, kind, content)
        elif kind == b"EXIF" and exif:
            _add(body, kind, exif)
            exif = b""
    yield b"RIFF" + (4 + len(body)).to_bytes(4, "little") + b"WEBP"
    yield body


def _chunks(view: memoryview, at: int, end: int) -> Iterator[tuple[bytes, memoryview]]:
    """Read the chunks between two bytes of the file: type and content of each."""
    reader = ByteReader(view, at, end)
    while reader.at < end:
        kind, length = reader.take(4), int.from_bytes(reader.take(4), "little")
        start = reader.skip(length)
        yield kind, view[start : reader.at]
        if length % 2 and reader.at < end:
            reader.skip(1)


def _add(body: bytearray, kind: bytes, *contents: bytes | bytearray | memoryview) -> None:
    """Add a chunk."""
    length = sum(map(len, contents))
    body += kind + length.to_bytes(4, "little")
    for content in (*contents, bytes(length % 2)):
        body += content


def _frame(content: memoryview) -> bytearray:
    """Reduce one frame of an animation to the chunks that a browser needs."""
    kept = bytearray(content[:_FRAME_HEADER])
    for kind, part in _chunks(content, _FRAME_HEADER, len(content)):
        if kind in _KEPT_IN_FRAME:
            _add(kept, kind, part)
    return kept
