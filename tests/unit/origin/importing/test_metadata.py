"""Remove metadata from pictures; pixels, colours, timing and orientation do not change."""

import contextlib
import io
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from origin.importing.metadata import MalformedPictureError, format_of, strip
from origin.importing.metadata.orientation import only_orientation
from tests.support.images.avif_boxes import grown, with_property
from tests.support.images.images_with_metadata import (
    EVERYTHING,
    FORMATS,
    ORIENTATION,
    PROFILE,
    SECRET,
    XMP,
    noise,
    pixels,
    saved,
    segment,
    told_of,
)


def stripped(data: bytes) -> bytes:
    format_ = format_of(data)
    assert format_ is not None
    return b"".join(strip(data, format_))


@pytest.mark.parametrize("orientation", [1, 3, 6])
@pytest.mark.parametrize("format_", FORMATS)
def test_nothing_that_was_told_stays_and_every_pixel_does(format_: str, orientation: int) -> None:
    data = EVERYTHING[format_](orientation)
    assert SECRET in data
    clean = stripped(data)
    assert SECRET not in clean
    assert pixels(clean) == pixels(data)
    with Image.open(io.BytesIO(clean)) as image, Image.open(io.BytesIO(data)) as before:
        assert image.format == format_
        assert set(image.getexif()) <= {ORIENTATION}
        assert image.info.get("icc_profile") == before.info.get("icc_profile")
        assert image.info.get("loop") == before.info.get("loop")
        assert not {"comment", "Comment", "Author", "photoshop"} & image.info.keys()
        assert not image.info.get("xmp", b"").strip(b"\0")
    assert stripped(clean) == clean


@pytest.mark.parametrize(
    ("mode", "format_", "options"),
    [
        ("L", "JPEG", {}),
        ("CMYK", "JPEG", {}),
        ("RGB", "JPEG", {"progressive": True}),
        ("RGB", "JPEG", {"restart_marker_blocks": 2}),
        ("P", "PNG", {}),
        ("1", "PNG", {}),
        ("I;16", "PNG", {}),
        ("RGB", "PNG", {"transparency": (60, 60, 60)}),
        ("P", "GIF", {"transparency": 3}),
        ("RGB", "WEBP", {"lossless": True}),
        ("RGB", "WEBP", {}),
        ("RGBA", "AVIF", {}),
        ("L", "AVIF", {}),
    ],
)
def test_a_picture_that_tells_nothing_stays_byte_for_byte(mode: str, format_: str, options: dict[str, Any]) -> None:
    image = Image.new(mode, (90, 60), 300) if mode == "I;16" else noise(mode)
    data = saved(image, format_, **options)
    clean = stripped(data)
    assert pixels(clean) == pixels(data)
    if format_ != "AVIF":  # whose sizes stay and whose dates go
        assert clean == data
    assert len(clean) == len(data)


@pytest.mark.parametrize("format_", ["PNG", "GIF", "WEBP", "AVIF"])
def test_an_animation_keeps_its_pictures_and_their_times(format_: str) -> None:
    frames = [noise(grain=grain) for grain in (50, 60, 70)]
    options: dict[str, Any] = {"save_all": True, "append_images": frames[1:], "duration": [50, 60, 70]}
    if format_ in {"WEBP", "AVIF"}:
        options |= {"exif": told_of(), "xmp": XMP}
    data = saved(frames[0], format_, **options)
    clean = stripped(data)
    assert len(pixels(clean)) == 3
    assert pixels(clean) == pixels(data)
    assert SECRET not in clean
    assert stripped(clean) == clean


def test_of_several_pictures_in_a_jpeg_the_first_stays() -> None:
    """MPO: what some cameras write, with a second view or a preview behind the first picture."""
    data = saved(noise(), "MPO", save_all=True, append_images=[noise(grain=90)])
    assert Image.open(io.BytesIO(data)).format == "MPO"
    clean = stripped(data)
    assert Image.open(io.BytesIO(clean)).format == "JPEG"
    assert pixels(clean) == pixels(data)[:1]


def test_an_exif_part_that_cannot_be_read_goes_whole() -> None:
    data = saved(noise(), "JPEG")
    for exif in (b"", b"nonsense", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff"):
        assert stripped(data[:2] + segment(0xE1, b"Exif\0\0" + exif) + data[2:]) == data


@pytest.mark.parametrize("kind", [b"udes", b"altt", b"crtt", b"uuid"])
@pytest.mark.parametrize("frames", [1, 2])
def test_a_property_of_an_avif_that_shows_nothing_goes_and_the_others_keep_their_numbers(
    frames: int, kind: bytes
) -> None:
    """It stands before the others, all of which then get another number."""
    images = [noise("RGBA", grain=50 + number) for number in range(frames)]
    plain = saved(images[0], "AVIF", save_all=frames > 1, append_images=images[1:], icc_profile=PROFILE)
    data = with_property(plain, kind, bytes(4) + b"en\0SECRET name\0SECRET place\0SECRET\0")
    assert pixels(data) == pixels(plain)
    clean = stripped(data)
    assert SECRET not in clean
    assert pixels(clean) == pixels(plain)
    with Image.open(io.BytesIO(clean)) as image:
        assert image.info["icc_profile"] == PROFILE
    assert stripped(clean) == clean


def test_names_within_an_avif_go() -> None:
    """Of items, of handlers, and of what encoded an animation."""
    frames = [noise("RGBA", grain=grain) for grain in (50, 70)]
    data = saved(frames[0], "AVIF", save_all=True, append_images=frames[1:], duration=70)
    told = data.replace(b"\nAOM Coding", b"\nSECRET too").replace(b"av01Color\0", b"av01SECRE\0")
    told = told.replace(b"Alpha\0", b"SECRE\0")
    assert told.count(b"SECRE") == 4
    handler = told.index(b"hdlr")
    told = grown(told, handler, handler + 4 + 24, SECRET)
    assert pixels(told) == pixels(data)
    clean = stripped(told)
    assert b"SECRE" not in clean
    assert pixels(clean) == pixels(data)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_of_several_orientations_the_first_counts_and_stays_alone(format_: str) -> None:
    data = saved(noise(), format_)
    parts = [only_orientation(told_of(orientation).tobytes()) for orientation in (6, 3)]
    if format_ == "JPEG":
        marker = b"Exif\0\0"
        data = data[:2] + b"".join(segment(0xE1, marker + part) for part in parts) + data[2:]
    elif format_ == "PNG":
        marker = b"eXIf"
        data = data[:33] + b"".join(_chunk(marker, part) for part in parts) + data[33:]
    else:
        marker = b"EXIF"
        body = EVERYTHING["WEBP"](6)[12:-6] + marker + struct.pack("<I", len(parts[1])) + parts[1]
        data = b"RIFF" + struct.pack("<I", len(body) + 4) + b"WEBP" + body
    clean = stripped(data)
    assert clean.count(marker) == 1
    with Image.open(io.BytesIO(clean)) as image:
        assert image.getexif()[ORIENTATION] == 6


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def test_a_gif_picture_without_a_time_of_its_own_gets_none() -> None:
    frames = [noise("P", grain=grain) for grain in (50, 70)]
    data = saved(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=[70, 90])
    control = data.rindex(b"\x21\xf9\x04")
    data = data[:control] + data[control + 8 :]
    assert stripped(data) == data


@pytest.mark.parametrize(("orientation", "flags"), [(1, 0), (6, 0x08)])
def test_a_webp_announces_no_metadata_that_it_has_not(orientation: int, flags: int) -> None:
    clean = stripped(EVERYTHING["WEBP"](orientation))
    assert clean[12:16] == b"VP8X"
    assert clean[20] & 0x0C == flags


def test_what_hides_within_a_picture_of_a_webp_animation_goes() -> None:
    frames = [noise(grain=grain) for grain in (50, 70)]
    data = saved(frames[0], "WEBP", save_all=True, append_images=frames[1:], duration=70)
    start = data.index(b"ANMF") + 4
    length = int.from_bytes(data[start : start + 4], "little")
    end = start + 4 + length + length % 2
    hidden = b"ODD \x06\0\0\0SECRET"
    content = data[start + 4 : end] + hidden
    data = data[:start] + struct.pack("<I", len(content)) + content + data[end:]
    data = data[:4] + struct.pack("<I", len(data) - 8) + data[8:]
    clean = stripped(data)
    assert SECRET not in clean
    assert pixels(clean) == pixels(data)


def test_a_jpeg_without_its_end_is_left_to_the_decoder() -> None:
    data = saved(noise(), "JPEG")
    assert stripped(data[:-2]) == data[:-2]


@pytest.mark.parametrize("format_", ["PNG", "WEBP", "AVIF"])
def test_a_part_that_ends_beyond_the_file_is_named(format_: str) -> None:
    data = EVERYTHING[format_](1)
    with pytest.raises(MalformedPictureError, match="broken or truncated"):
        stripped(data[: len(data) // 2])


def test_a_critical_chunk_that_nobody_knows_is_not_left_out() -> None:
    data = saved(noise(), "PNG")
    with pytest.raises(MalformedPictureError, match="critical chunk b'CgBI'"):
        stripped(data[:8] + b"\0\0\0\0CgBI\0\0\0\0" + data[8:])


@pytest.mark.parametrize("end", [b"", b"\xff\xd9"])
def test_a_jpeg_without_a_scan_is_refused(end: bytes) -> None:
    with pytest.raises(MalformedPictureError, match="no scan"):
        stripped(b"\xff\xd8\xff\xfe\0\3!" + end)


def test_boxes_within_boxes_end_in_a_refusal() -> None:
    box = b""
    for _ in range(2000):
        box = struct.pack(">I", len(box) + 8) + b"trak" + box
    with pytest.raises(MalformedPictureError, match="too deep"):
        stripped(struct.pack(">I", 16) + b"ftypavif" + bytes(4) + box)


@pytest.mark.parametrize("format_", FORMATS)
@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_whatever_comes_is_stripped_or_refused(format_: str, data: st.DataObject) -> None:
    whole = bytearray(SAMPLES[format_])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(whole) - 1))
        cut = data.draw(st.sampled_from([0, 1, 4, 40]))
        whole[at : at + cut] = data.draw(st.binary(max_size=6))
    if format_of(bytes(whole)) is None:
        return
    with contextlib.suppress(MalformedPictureError):
        clean = stripped(bytes(whole))
        assert stripped(clean) == clean


SAMPLES = {format_: EVERYTHING[format_](6) for format_ in FORMATS}
