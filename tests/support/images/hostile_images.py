"""Make files that begin as pictures do, and would take much time or memory of whoever opens them."""

import io
import re
import struct
import zlib

from PIL import Image

#: Bytes of a file of tiny pieces: nearly as many as an import takes by default.
_LARGE = 60 << 20


def of_many_scans(scans: int, side: int = 6000) -> bytes:
    """Make a progressive JPEG with so many scans more than usual, which change nothing: some 25 ms each by default."""
    file = io.BytesIO()
    Image.new("RGB", (side, side)).save(file, "JPEG", progressive=True)
    data = file.getvalue()
    last = [match.start() for match in re.finditer(rb"\xff\xda", data)][-1]
    tables = data.rindex(b"\xff\xc4", 0, last)
    return data[:-2] + data[tables:-2] * scans + data[-2:]


def of_tiny_pieces(format_: str) -> bytes:
    """Make a file of millions of the smallest pieces that the format allows, and of a small picture."""
    file = io.BytesIO()
    Image.new("RGB", (9, 9)).save(file, format_)
    picture = file.getvalue()
    empty_chunk = bytes(4) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))
    begin, piece = {
        "JPEG": (2, b"\xff\xe1\0\x02"),
        "PNG": (33, empty_chunk),
        "GIF": (picture.find(b","), b"," + bytes(9) + b"\x02\0"),
        "WEBP": (12, b"ICCP" + bytes(4)),
        "AVIF": (picture.find(b"meta") - 4, b"\0\0\0\x08free"),
    }[format_]
    data = picture[:begin] + piece * (_LARGE // len(piece)) + picture[begin:]
    return data[:4] + struct.pack("<I", len(data) - 8) + data[8:] if format_ == "WEBP" else data


def tall_png(height: int) -> bytes:
    """Make a PNG of one pixel a row. Its pixels are missing: to reserve the memory for its rows would be enough."""
    head = b"IHDR" + struct.pack(">IIBBBBB", 1, height, 8, 0, 0, 0, 0)
    pixels = b"IDAT" + zlib.compress(bytes(10))
    chunks = b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in (head, pixels, b"IEND")
    )
    return b"\x89PNG\r\n\x1a\n" + chunks
