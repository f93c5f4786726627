"""AVIF (ISO 14496-12 and 23008-12): nested boxes, and items that are found by their byte in the file.

Taking bytes out would move everything behind them, so what goes is overwritten in its place.
"""

from collections.abc import Iterator
from typing import NamedTuple

from origin.metadata.orientation import EMPTY
from origin.metadata.reader import MalformedPictureError, Reader

_KEPT_BOXES = {
    *(b"ftyp", b"mdat", b"meta", b"moov"),
    *(b"hdlr", b"pitm", b"iloc", b"iinf", b"iref", b"iprp", b"idat", b"dinf", b"grpl"),  # in meta
    *(b"ipco", b"ipma"),  # in iprp
    *(b"mvhd", b"trak", b"tkhd", b"tref", b"edts", b"mdia", b"mdhd", b"minf", b"vmhd", b"nmhd", b"stbl"),  # in moov
    *(b"stsd", b"stts", b"ctts", b"cslg", b"stsc", b"stsz", b"stz2", b"stco", b"co64", b"stss"),  # in stbl
    *(b"sdtp", b"sbgp", b"sgpd"),
}
_CONTAINERS = {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"iprp"}
# Of pictures and animations: size, orientation, coding, layers, colours and brightness. Others are text for people.
_KEPT_PROPERTIES = {
    *(b"ispe", b"pixi", b"pasp", b"clap", b"irot", b"imir", b"rloc", b"iscl"),
    *(b"av1C", b"a1op", b"a1lx", b"lsel", b"auxC", b"colr"),
    *(b"clli", b"mdcv", b"cclv", b"amve", b"ndwt", b"reve"),
    *(b"ccst", b"auxi"),  # of an animation's alone
}
_DATED = {b"mvhd", b"tkhd", b"mdhd"}  # they begin with the times of creation and of the last change
_PICTURES = {b"av01", b"grid", b"iden", b"iovl", b"tmap"}
_DEEPEST = 8  # boxes within each other


class _Box(NamedTuple):
    """A box of the file: where it starts, where its content starts, and where it ends."""

    kind: bytes
    start: int
    content: int
    end: int


def strip(data: bytes) -> Iterator[bytes | memoryview]:
    """Overwrite each item that is no picture (EXIF, XMP) and each box that shows nothing.

    The orientation is a property of its own here, which stays. Raises ``MalformedPictureError``.
    """
    out = bytearray(data)
    _strip_boxes(out, 0, len(out), 0)
    yield bytes(out)


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
            reader = Reader(out, box.content, box.end)
            reader.skip(24)
            _overwrite(out, reader.at, box.end)  # a name, for people
        elif box.kind in _CONTAINERS:
            _strip_boxes(out, box.content, box.end, depth + 1)
        elif box.kind == b"meta":
            _strip_items(out, box)
            _strip_boxes(out, box.content + 4, box.end, depth + 1)
        elif box.kind in _DATED:
            reader = Reader(out, box.content, box.end)
            length = 16 if reader.uint(4) >> 24 else 8
            _overwrite(out, reader.skip(length), reader.at)


def _strip_properties(out: bytearray, at: int, end: int) -> None:
    """Overwrite properties that show nothing. Their places stay: pictures refer to properties by their number."""
    for box in _boxes(out, at, end):
        if box.kind not in _KEPT_PROPERTIES:
            _empty(out, box)


def _strip_samples(out: bytearray, table: _Box) -> None:
    """Overwrite the encoder's name, and properties that show nothing, in an animation's ``stsd`` box."""
    reader = Reader(out, table.content, table.end)
    reader.skip(8)
    for box in _boxes(out, reader.at, table.end):
        if box.kind == b"av01":
            fields = Reader(out, box.content, box.end)
            fields.skip(42)
            _overwrite(out, fields.skip(32), fields.at)
            fields.skip(4)
            _strip_properties(out, fields.at, box.end)


def _empty(out: bytearray, box: _Box) -> None:
    """Make a box one that every reader passes over."""
    out[box.start + 4 : box.start + 8] = b"free"
    _overwrite(out, box.content, box.end)


def _overwrite(out: bytearray, start: int, end: int) -> None:
    out[start:end] = bytes(end - start)


def _boxes(data: bytearray, at: int, end: int) -> Iterator[_Box]:
    """The boxes between two bytes of the file."""
    reader = Reader(data, at, end)
    while reader.at < end:
        start = reader.at
        size, kind = reader.uint(4), reader.take(4)
        if size == 1:
            size = reader.uint(8)
        content = reader.at
        reader.skip((size or end - start) - (content - start))
        yield _Box(kind, start, content, reader.at)


def _strip_items(out: bytearray, meta: _Box) -> None:
    """Overwrite the items of a ``meta`` box that are no pictures."""
    boxes = {box.kind: box for box in _boxes(out, meta.content + 4, meta.end)}
    if b"iinf" not in boxes or b"iloc" not in boxes:
        return
    kinds = {}
    for item, kind, text in _items(out, boxes[b"iinf"]):
        kinds[item] = kind
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
            if length == 0 or left < 0:  # 0 means "the rest"; items that overlap could take for ever
                raise MalformedPictureError(f"item {item} has a length that is not understood")
            reader = Reader(out, source.content, source.end)
            reader.skip(offset)
            start = reader.skip(length)
            out[start : reader.at] = _blank(kinds.get(item), length)


def _blank(kind: bytes | None, length: int) -> bytes:
    """Return ``length`` bytes that say nothing, where they suffice as an EXIF structure with no entry."""
    exif = bytes(4) + EMPTY
    return exif.ljust(length, b"\0") if kind == b"Exif" and length >= len(exif) else bytes(length)


def _items(data: bytearray, box: _Box) -> Iterator[tuple[int, bytes, range]]:
    """The items from an ``iinf`` box with their kinds, and with the bytes that hold names and types as text."""
    reader = Reader(data, box.content, box.end)
    reader.skip(4 if reader.uint(4) >> 24 else 2)
    for entry in _boxes(data, reader.at, box.end):
        fields = Reader(data, entry.content, entry.end)
        version = fields.uint(4) >> 24
        if entry.kind != b"infe" or version not in (2, 3):
            raise MalformedPictureError(f"the list of items at byte {box.start} is of a form that is not understood")
        item = fields.uint(2 if version == 2 else 4)
        fields.skip(2)
        yield item, fields.take(4), range(fields.at, entry.end)


def _item_places(data: bytearray, box: _Box) -> Iterator[tuple[int, int, list[tuple[int, int]]]]:
    """The items with how they are placed (0 in the file, 1 in ``idat``) and with their extents, offset and length."""
    reader = Reader(data, box.content, box.end)
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
