"""Strips GIF (89a): blocks, some of which hold a comment, a text or an application's own data."""

from collections.abc import Iterator

from origin.importing.metadata.reader import ByteReader, MalformedPictureError

_EXTENSION, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B
_CONTROL, _APPLICATION = 0xF9, 0xFF
#: Application blocks that stay: the number of repetitions, under either name, and the colour profile.
_KEPT_APPLICATIONS = (b"NETSCAPE2.0", b"ANIMEXTS1.0", b"ICCRGBG1012")


def strip(data: bytes) -> Iterator[bytes | memoryview]:
    """Keep pictures with their timing, repetitions and colours; drop comments, texts, and bytes behind the end.

    Raises ``MalformedPictureError``.
    """
    view = memoryview(data)
    reader = ByteReader(data, 10, len(data))
    _skip_colours(reader, reader.uint(1))
    yield view[: reader.at + 2]
    reader.skip(2)
    control: memoryview | bytes = b""  # belongs to the picture (or the text) that follows it
    while reader.at < reader.end:
        start = reader.at
        introducer = reader.uint(1)
        if introducer == _TRAILER:
            yield view[start : reader.at]
            return
        if introducer == _IMAGE:
            reader.skip(8)
            _skip_colours(reader, reader.uint(1))
            reader.skip(1)
            _skip_blocks(reader)
            yield control
            yield view[start : reader.at]
            control = b""
        elif introducer == _EXTENSION:
            label = reader.uint(1)
            application = data[reader.at + 1 : reader.at + 12]
            _skip_blocks(reader)
            if label == _CONTROL:
                control = view[start : reader.at]
            elif label == _APPLICATION and application in _KEPT_APPLICATIONS:
                yield view[start : reader.at]
        else:
            raise MalformedPictureError(f"broken: no block of a GIF begins with {introducer:#04x}, as at byte {start}")


def _skip_colours(reader: ByteReader, packed: int) -> None:
    """Skip a table of colours, if these flags announce one."""
    if packed & 0x80:
        reader.skip(3 << (packed & 7) + 1)


def _skip_blocks(reader: ByteReader) -> None:
    while length := reader.uint(1):
        reader.skip(length)
