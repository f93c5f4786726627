"""Strips AVIF (ISO 14496-12 and 23008-12): nested boxes, and items that are located by their byte in the file.

Removing bytes would move all bytes behind them, so metadata is overwritten in its place.
"""

from collections.abc import Iterator
from typing import NamedTuple

from origin.importing.metadata.orientation import EMPTY
from origin.importing.metadata.reader import ByteReader, MalformedPictureError, names

_IN_META = names(b"hdlr pitm iloc iinf iref iprp idat dinf grpl")
_IN_IPRP = names(b"ipco ipma")
_IN_MOOV = names(b"mvhd trak tkhd tref edts mdia mdhd minf vmhd nmhd stbl")
_IN_STBL = names(b"stsd stts ctts cslg stsc stsz stz2 stco co64 stss sdtp sbgp sgpd")
_KEPT_BOXES = names(b"ftyp mdat meta moov") | _IN_META | _IN_IPRP | _IN_MOOV | _IN_STBL
_CONTAINERS = names(b"moov trak mdia minf stbl iprp")

# Properties of pictures and animations. All others are text for people.
_GEOMETRY = names(b"ispe pixi pasp clap irot imir rloc iscl")
_CODING = names(b"av1C a1op a1lx lsel auxC colr")
_BRIGHTNESS = names(b"clli mdcv cclv amve ndwt reve")
_OF_ANIMATIONS = names(b"ccst auxi")
_KEPT_PROPERTIES = _GEOMETRY | _CODING | _BRIGHTNESS | _OF_ANIMATIONS

#: Boxes that begin with the times of creation and of the last change.
_DATED = names(b"mvhd tkhd mdhd")

#: Types of items that are pictures.
_PICTURES = names(b"av01 grid iden iovl tmap")

#: Names that libavif gives to items. They stay, so that most files are not changed at all.
_USUAL_NAMES = {b"Color\0", b"Alpha\0"}

#: The deepest nesting of boxes.
_DEEPEST = 8


class _Box(NamedTuple):
    """A box of the file: its type, and the bytes at which it starts, its content starts, and it ends."""

    kind: bytes
    start: int
    content: int
    end: int


def strip(data: bytes) -> Iterator[bytearray]:
    """Overwrite all items but pictures (EXIF, XMP), and all boxes that a browser does not need.

    The orientation of an AVIF is a property of its own, which stays. Raises ``MalformedPictureError``.
    """
    out = bytearray(data)
    _strip_boxes(out, 0, len(out), 0)
    yield out


def _strip_boxes(out: bytearray, at: int, end: int, depth: int) -> None:
    if depth > _DEEPEST:
        raise MalformedPictureError(f"the boxes at byte {at} lie too deep within each other")
    for box in _boxes(out, at, end):
        if box.kind not in _KEPT_BOXES:
            _empty(out, box)
        elif box.kind == b"ipco":
            _strip_properties(out, box.content, box.end)
        elif box.kind == b"stsd":
            _strip_samples(out, box)
        elif box.kind == b"hdlr":
            reader = ByteReader(out, box.content, box.end)
            reader.skip(24)
            _overwrite(out, reader.at, box.end)  # the handler's name
        elif box.kind in _CONTAINERS:
            _strip_boxes(out, box.content, box.end, depth + 1)
        elif box.kind == b"meta":
            _strip_items(out, box)
            _strip_boxes(out, box.content + 4, box.end, depth + 1)
        elif box.kind in _DATED:
            reader = ByteReader(out, box.content, box.end)
            length = 16 if reader.uint(4) >> 24 else 8
            _overwrite(out, reader.skip(length), reader.at)


def _strip_properties(out: bytearray, at: int, end: int) -> None:
    """Overwrite properties that a browser does not need. Their places stay: pictures refer to them by number."""
    for box in _boxes(out, at, end):
        if box.kind not in _KEPT_PROPERTIES:
            _empty(out, box)


def _strip_samples(out: bytearray, table: _Box) -> None:
    """Overwrite the encoder's name and needless properties in an animation's ``stsd`` box."""
    reader = ByteReader(out, table.content, table.end)
    reader.skip(8)
    for box in _boxes(out, reader.at, table.end):
        if box.kind == b"av01":
            fields = ByteReader(out, box.content, box.end)
            fields.skip(42)
            _overwrite(out, fields.skip(32), fields.at)
            fields.skip(4)
            _strip_properties(out, fields.at, box.end)


def _empty(out: bytearray, box: _Box) -> None:
    """Turn a box into free space, which every decoder skips."""
    out[box.start + 4 : box.start + 8] = b"free"
    _overwrite(out, box.content, box.end)


def _overwrite(out: bytearray, start: int, end: int) -> None:
    out[start:end] = bytes(end - start)


def _boxes(data: bytearray, at: int, end: int) -> Iterator[_Box]:
    """Read the boxes between two bytes of the file."""
    reader = ByteReader(data, at, end)
    while reader.at < end:
        start = reader.at
        size, kind = reader.uint(4), reader.take(4)
        if size == 1:
            size = reader.uint(8)
        content = reader.at
        reader.skip((size or end - start) - (content - start))
        yield _Box(kind, start, content, reader.at)


def _strip_items(out: bytearray, meta: _Box) -> None:
    """Overwrite all items of a ``meta`` box but the pictures."""
    boxes = {box.kind: box for box in _boxes(out, meta.content + 4, meta.end)}
    if b"iinf" not in boxes or b"iloc" not in boxes:
        return
    kinds = {}
    for item, kind, text in _items(out, boxes[b"iinf"]):
        kinds[item] = kind
        if bytes(out[text.start : text.stop]) not in _USUAL_NAMES:
            _overwrite(out, text.start, text.stop)
    left = len(out)
    for item, method, extents in _item_places(out, boxes[b"iloc"]):
        if kinds.get(item) in _PICTURES:
            continue
        source = _Box(b"", 0, 0, len(out)) if method == 0 else boxes.get(b"idat")
        if source is None or method > 1:
            raise MalformedPictureError(f"item {item} lies in a place that is not understood")
        for offset, length in extents:
            left -= length
            if length == 0 or left < 0:  # 0 means "the rest"; overlapping items could take for ever
                raise MalformedPictureError(f"item {item} has a length that is not understood")
            reader = ByteReader(out, source.content, source.end)
            reader.skip(offset)
            start = reader.skip(length)
            out[start : reader.at] = _blank(kinds.get(item), length)


def _blank(kind: bytes | None, length: int) -> bytes:
    """Return ``length`` bytes without content: zeros, or for EXIF, where they suffice, a structure with no entry."""
    exif = bytes(4) + EMPTY
    return exif.ljust(length, b"\0") if kind == b"Exif" and length >= len(exif) else bytes(length)


def _items(data: bytearray, box: _Box) -> Iterator[tuple[int, bytes, range]]:
    """Read the items of an ``iinf`` box: number, type, and the range of bytes with names and types as text."""
    reader = ByteReader(data, box.content, box.end)
    reader.skip(4 if reader.uint(4) >> 24 else 2)
    for entry in _boxes(data, reader.at, box.end):
        fields = ByteReader(data, entry.content, entry.end)
        version = fields.uint(4) >> 24
        if entry.kind != b"infe" or version not in (2, 3):
            raise MalformedPictureError(f"the list of items at byte {box.start} is of a form that is not understood")
        item = fields.uint(2 if version == 2 else 4)
        fields.skip(2)
        yield item, fields.take(4), range(fields.at, entry.end)


def _item_places(data: bytearray, box: _Box) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """Read the places of items: number, method (0 in the file, 1 in ``idat``), and extents as offset and length."""
    reader = ByteReader(data, box.content, box.end)
    version, sizes = reader.uint(4) >> 24, reader.uint(2)
    offset_size, length_size, base_size = sizes >> 12, sizes >> 8 & 15, sizes >> 4 & 15
    index_size = sizes & 15 if version else 0
    for _ in range(reader.uint(4 if version == 2 else 2)):
        item = reader.uint(4 if version == 2 else 2)
        method = reader.uint(2) & 15 if version else 0
        reader.skip(2)
        base = reader.uint(base_size)
        extents = []
        for _ in range(reader.uint(2)):
            reader.skip(index_size)
            offset = base + reader.uint(offset_size)
            extents.append((offset, reader.uint(length_size)))
        yield item, method, extents
