"""Insert boxes into AVIF files as Pillow writes them, and correct all sizes and offsets."""

import struct

#: Kinds of boxes that can grow; of each kind the first one does.
_HOLDERS = (b"meta", b"hdlr", b"iprp", b"ipco")


def with_property(data: bytes, kind: bytes, content: bytes) -> bytes:
    """Insert a property before all others, and raise the number by which pictures refer to each of these."""
    out = bytearray(data)
    references = out.index(b"ipma") + 4
    (items,) = struct.unpack_from(">I", out, references + 4)
    at = references + 8
    for _ in range(items):
        end = at + 3 + out[at + 2]
        for reference in range(at + 3, end):
            out[reference] += 1
        at = end
    box = struct.pack(">I", len(content) + 8) + kind + content
    properties = out.index(b"ipco")
    return grown(bytes(out), properties, properties + 4, box)


def grown(data: bytes, box: int, at: int, more: bytes) -> bytes:
    """Insert bytes at offset ``at``, inside the box whose four-letter kind is at offset ``box``."""
    out = bytearray(data)
    for kind in _HOLDERS:
        start = out.index(kind) - 4
        (size,) = struct.unpack_from(">I", out, start)
        if start < box < start + size:
            struct.pack_into(">I", out, start, size + len(more))
    for place in _places(data):
        (offset,) = struct.unpack_from(">I", out, place)
        struct.pack_into(">I", out, place, offset + len(more))
    return bytes(out[:at] + more + out[at:])


def _places(data: bytes) -> list[int]:
    """Find the offsets of the fields that hold offsets of pixels: ``iloc`` for pictures, ``stco`` for animations."""
    start = data.index(b"iloc") + 4
    assert data[start : start + 6] == bytes.fromhex("000000004400"), "each place is an offset and a length of 4 bytes"
    (items,) = struct.unpack_from(">H", data, start + 6)
    places = [start + 8 + 14 * item + 6 for item in range(items)]
    at = data.find(b"stco")
    while at >= 0:
        (chunks,) = struct.unpack_from(">I", data, at + 8)
        places += [at + 12 + 4 * chunk for chunk in range(chunks)]
        at = data.find(b"stco", at + 4)
    return places
