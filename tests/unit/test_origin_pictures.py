"""What looking into a picture costs, and what it refuses."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from origin.pictures import UnusablePictureError, inspect
from tests.support.images_with_metadata import noise, saved

# Prints by how many bytes the memory of a process grows at most while it looks into a picture (proc_pid_status(5)).
_MEASURE = """
import io, re, sys
from pathlib import Path
from origin.pictures import inspect

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

before = peak()
with open(sys.argv[1], "rb") as file:
    inspect(file, sys.argv[2], io.BytesIO(), 10**9)
print(peak() - before)
"""


@pytest.mark.parametrize(
    ("format_", "mode", "bytes_a_pixel"),
    [("JPEG", "RGB", 1.5), ("JPEG", "CMYK", 1.5), ("PNG", "RGB", 6), ("PNG", "RGBA", 6), ("PNG", "I;16", 6)],
)
def test_memory_is_bounded_by_the_number_of_pixels(
    tmp_path: Path, format_: str, mode: str, bytes_a_pixel: float
) -> None:
    width, height = 6000, 5000
    options = {"compress_level": 1} if format_ == "PNG" else {}
    Image.new(mode, (width, height)).save(tmp_path / "x", format_, **options)
    command = [sys.executable, "-c", _MEASURE, str(tmp_path / "x"), format_]
    grown = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    assert grown < bytes_a_pixel * width * height


@pytest.mark.parametrize(("format_", "share"), [("JPEG", 1), ("PNG", 1), ("GIF", 1), ("WEBP", 3), ("AVIF", 2)])
def test_the_limit_in_pixels_follows_the_memory_that_a_format_takes(format_: str, share: int) -> None:
    data = saved(noise(size=(90, 60)), format_)
    inspect(io.BytesIO(data), format_, io.BytesIO(), 90 * 60 * share)
    with pytest.raises(UnusablePictureError, match=f"more than {90 * 60 - 1} pixels.*--max-pixels"):
        inspect(io.BytesIO(data), format_, io.BytesIO(), 90 * 60 * share - share)


@pytest.mark.parametrize("size", [(3000, 3), (3, 3000), (1, 1), (257, 255), (1025, 700)])
@pytest.mark.parametrize("format_", ["JPEG", "PNG"])
def test_a_thumbnail_has_the_proportions_of_its_picture(format_: str, size: tuple[int, int]) -> None:
    thumb = io.BytesIO()
    original, small = inspect(io.BytesIO(saved(noise(size=size), format_)), format_, thumb, 10**9)
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
        inspect(io.BytesIO(saved(picture, format_)), format_, thumb, 10**9)
        small = Image.open(thumb).convert("RGB")
        for (column, row), colour in colours.items():
            shown = small.getpixel((64 + 128 * column, 42 + 85 * row))
            assert isinstance(shown, tuple)
            assert all(abs(have - want) < 12 for have, want in zip(shown, colour, strict=True)), format_
