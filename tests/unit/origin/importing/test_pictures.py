"""Decode pictures: bound the memory that it takes, refuse some, and make smaller ones."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from origin.importing.pictures import UnusablePictureError, decode
from origin.importing.renditions import Reduced
from origin.model import ORIGINAL
from tests.support.images.images_with_metadata import noise, saved

THUMB = Reduced("thumb", 256, 256)

# Prints by how many bytes the memory of a process grows at most while it looks into a picture (proc_pid_status(5)).
_MEASURE = """
import io, re, sys
from pathlib import Path
from origin.importing.pictures import decode
from origin.importing.renditions import REDUCED

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

before = peak()
with open(sys.argv[1], "rb") as file:
    decode(file, sys.argv[2], [(reduced, io.BytesIO()) for reduced in REDUCED], 10**9)
print(peak() - before)
"""


@pytest.mark.parametrize(
    ("format_", "mode", "bytes_a_pixel"),
    [("JPEG", "RGB", 1.5), ("JPEG", "CMYK", 1.5), ("PNG", "RGB", 6), ("PNG", "RGBA", 6), ("PNG", "I;16", 6)],
)
def test_memory_is_bounded_by_the_number_of_pixels(
    tmp_path: Path, format_: str, mode: str, bytes_a_pixel: float
) -> None:
    # 1.5 bytes hold for a JPEG and renditions of at most 256 pixels: with one of 800 a JPEG took 3.4.
    width, height = 6000, 5000
    options = {"compress_level": 1} if format_ == "PNG" else {}
    Image.new(mode, (width, height)).save(tmp_path / "x", format_, **options)
    command = [sys.executable, "-c", _MEASURE, str(tmp_path / "x"), format_]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown < bytes_a_pixel * width * height


@pytest.mark.parametrize(("format_", "share"), [("JPEG", 1), ("PNG", 1), ("GIF", 1), ("WEBP", 3), ("AVIF", 2)])
def test_the_limit_in_pixels_follows_the_memory_that_a_format_takes(format_: str, share: int) -> None:
    data = saved(noise(size=(90, 60)), format_)
    decode(io.BytesIO(data), format_, [(THUMB, io.BytesIO())], 90 * 60 * share)
    with pytest.raises(UnusablePictureError, match=f"more than {90 * 60 - 1} pixels.*--max-pixels"):
        decode(io.BytesIO(data), format_, [(THUMB, io.BytesIO())], 90 * 60 * share - share)


@pytest.mark.parametrize("size", [(3000, 3), (3, 3000), (1, 1), (257, 255), (1025, 700)])
@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_a_thumbnail_has_the_proportions_of_its_picture(format_: str, size: tuple[int, int]) -> None:
    thumb = io.BytesIO()
    kinds = decode(io.BytesIO(saved(noise(size=size), format_)), format_, [(THUMB, thumb)], 10**9)
    original, small = kinds[ORIGINAL], kinds[THUMB.name]
    expected = noise(size=size)
    expected.thumbnail((256, 256))
    assert (original.width, original.height) == size
    assert (small.width, small.height) == Image.open(thumb).size == expected.size


def test_a_thumbnail_shows_what_its_picture_shows() -> None:
    """Four quarters, each of its own colour, in a picture that is shrunk in several strips."""
    picture = Image.new("RGB", (3000, 2000))
    colours = {(0, 0): (250, 0, 0), (1, 0): (0, 250, 0), (0, 1): (0, 0, 250), (1, 1): (250, 250, 0)}
    for (column, row), colour in colours.items():
        picture.paste(colour, (column * 1500, row * 1000, (column + 1) * 1500, (row + 1) * 1000))
    for format_ in ("JPEG", "PNG", "GIF", "WEBP", "AVIF"):
        thumb = io.BytesIO()
        decode(io.BytesIO(saved(picture, format_)), format_, [(THUMB, thumb)], 10**9)
        small = Image.open(thumb).convert("RGB")
        for (column, row), colour in colours.items():
            shown = small.getpixel((64 + 128 * column, 42 + 85 * row))
            assert isinstance(shown, tuple)
            assert all(abs(have - want) < 12 for have, want in zip(shown, colour, strict=True)), format_


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "WEBP"])
def test_several_renditions_are_made_of_one_picture(format_: str) -> None:
    """In whatever order: a JPEG that was decoded for a small one first would be too small for a large one."""
    files = {Reduced("tiny", 16, 16): io.BytesIO(), Reduced("large", 800, 800): io.BytesIO(), THUMB: io.BytesIO()}
    kinds = decode(io.BytesIO(saved(noise(size=(3000, 1500)), format_)), format_, [*files.items()], 10**9)
    for reduced, file in files.items():
        assert Image.open(file).size == (reduced.width, reduced.width // 2)
        assert (kinds[reduced.name].width, kinds[reduced.name].height) == (reduced.width, reduced.width // 2)
    assert (kinds[ORIGINAL].width, kinds[ORIGINAL].height) == (3000, 1500)


@pytest.mark.parametrize("format_", ["jpeg", "png", "webp", "avif"])
@pytest.mark.parametrize("original", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_a_rendition_has_the_format_of_its_table_whatever_the_original_is(original: str, format_: str) -> None:
    target = io.BytesIO()
    reduced = Reduced("small", 40, 40, format_)
    kinds = decode(io.BytesIO(saved(noise(size=(90, 60)), original)), original, [(reduced, target)], 10**9)
    small = Image.open(target)
    assert (small.format, small.size) == (format_.upper(), (40, 27))
    assert kinds["small"].content_type == f"image/{format_}"


@pytest.mark.parametrize("format_", ["jpeg", "webp", "avif"])
def test_a_lower_quality_takes_fewer_bytes(format_: str) -> None:
    data = saved(noise(size=(900, 600)), "PNG")
    files = {Reduced(f"q{quality}", 200, 200, format_, quality): io.BytesIO() for quality in (20, 90)}
    decode(io.BytesIO(data), "PNG", [*files.items()], 10**9)
    low, high = (len(file.getvalue()) for file in files.values())
    assert low < high / 2


def test_a_transparent_picture_gets_a_white_ground_in_a_format_without_transparency() -> None:
    picture, target = Image.new("RGBA", (300, 300), (200, 0, 0, 0)), io.BytesIO()
    decode(io.BytesIO(saved(picture, "PNG")), "PNG", [(Reduced("small", 50, 50, "jpeg"), target)], 10**9)
    assert Image.open(target).getpixel((25, 25)) == (255, 255, 255)


@pytest.mark.parametrize("format_", ["JPEG", "PNG", "GIF", "WEBP", "AVIF"])
def test_a_picture_of_which_nothing_is_made_has_its_size(format_: str) -> None:
    data = saved(noise(size=(900, 600)), format_)
    assert decode(io.BytesIO(data), format_, [], 10**9) == {ORIGINAL: (f"image/{format_.lower()}", 900, 600)}


def test_a_broken_picture_is_refused_also_where_nothing_is_made_of_it() -> None:
    data = saved(noise(size=(90, 60)), "PNG")
    with pytest.raises(UnusablePictureError, match="broken"):
        decode(io.BytesIO(data[: len(data) // 2]), "PNG", [], 10**9)
    assert decode(io.BytesIO(data[: len(data) // 2]), "PNG", [], 10**9, load=False)[ORIGINAL].width == 90
