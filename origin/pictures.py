"""Looking into pictures with Pillow: what kind and size they are, and a thumbnail of them. For imports only."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, ImageOps, UnidentifiedImageError

THUMB_SIZE = (256, 256)  # pixels

# Bytes of memory a pixel at the peak, measured: 16 for WebP, 9 for AVIF, at most 6 for the others.
_SHARES = {"WEBP": 3, "AVIF": 2}
_STRIP = 16  # rows of the shrunk picture that are made at a time
_ORIENTATION = 0x0112
_SIDEWAYS = range(5, 9)

# Pillow's names of what it may say that a file was. MPO is what some cameras write, a JPEG with further pictures behind
# the first.
_CONTENT_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
}
# A thumbnail keeps its picture's kind, but for GIF, whose 256 colours suit no photograph.
_THUMB_FORMATS = {"JPEG": "JPEG", "MPO": "JPEG", "PNG": "PNG", "GIF": "PNG", "WEBP": "WEBP", "AVIF": "AVIF"}
_PLAIN_MODES = {"JPEG": ("L", "RGB"), "AVIF": ("RGB", "RGBA")}
_PLAIN_MODES_ELSE = ("L", "LA", "RGB", "RGBA")


class UnusablePictureError(ValueError):
    """A picture that is broken, or too large to be decoded. The message says why."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is recorded of a picture. Width and height are in pixels, as it is shown (EXIF orientation applied)."""

    content_type: str
    width: int
    height: int


def inspect(file: BinaryIO, format_: str, thumb: BinaryIO, max_pixels: int) -> tuple[Kind, Kind]:
    """Decode the picture in ``file`` and write a thumbnail of it into ``thumb``. Returns what the two are.

    ``format_`` is Pillow's name for the file's format. Of an animation the first picture is decoded, and is the
    thumbnail. Takes at most about 6 bytes of memory for each of ``max_pixels``. Raises ``UnusablePictureError``.
    """
    share = _SHARES.get(format_, 1)
    try:
        with _limited(max_pixels // share), Image.open(file, formats=[format_]) as picture:
            return _inspect(picture, thumb)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        part = f" (1/{share} of --max-pixels, for the memory that {format_} takes)" if share > 1 else ""
        raise UnusablePictureError(
            f"more than {max_pixels // share} pixels{part}: a larger --max-pixels would take it"
        ) from None
    except UnidentifiedImageError:
        raise UnusablePictureError(f"broken: it begins as {format_} does and cannot be read as such") from None
    except MemoryError:
        raise UnusablePictureError("too large for this machine's memory") from None
    except Exception as error:
        # Pillow's decoders raise whatever happens to go wrong first when what they read makes no sense.
        raise UnusablePictureError(f"broken: {error}") from None


@contextmanager
def _limited(max_pixels: int) -> Iterator[None]:
    """Have Pillow refuse larger pictures before it decodes them. Its limit is a variable of its module."""
    former = Image.MAX_IMAGE_PIXELS
    Image.MAX_IMAGE_PIXELS = max_pixels
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of tags that make no sense
            # Pillow only warns of a picture that unpacks to between one and two times its limit.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    finally:
        Image.MAX_IMAGE_PIXELS = former


def _inspect(picture: Image.Image, thumb: BinaryIO) -> tuple[Kind, Kind]:
    kind = picture.format or ""
    size = picture.size
    small_format = _THUMB_FORMATS[kind]
    small = _upright(_shrunk(picture, _PLAIN_MODES.get(small_format, _PLAIN_MODES_ELSE)), picture)
    # The colour profile belongs to the colours; the rest (place, camera) is nobody's business in a thumbnail.
    same_colours = picture.mode in (small.mode, "RGB", "RGBA", "P")
    small.save(thumb, small_format, icc_profile=picture.info.get("icc_profile") if same_colours else None)
    shown = size[::-1] if picture.getexif().get(_ORIENTATION) in _SIDEWAYS else size
    return Kind(_CONTENT_TYPES[kind], *shown), Kind(_CONTENT_TYPES[small_format], *small.size)


def _shrunk(picture: Image.Image, modes: tuple[str, ...]) -> Image.Image:
    """Decode all of the picture and make a thumbnail in one of these modes, without any of its metadata.

    It shrinks by a whole factor first, in strips: a converted copy of the whole would take as much memory again.
    """
    factor = max(1, max(picture.width // THUMB_SIZE[0], picture.height // THUMB_SIZE[1]) // 2)
    if factor > 1:  # a JPEG can be decoded smaller, at an eighth of its size with a 64th of the memory
        picture.draft(None, (max(1, picture.width // factor), max(1, picture.height // factor)))
        factor = max(1, max(picture.width // THUMB_SIZE[0], picture.height // THUMB_SIZE[1]) // 2)
    picture.load()
    width, height = picture.size
    parts = []
    for top in range(0, height, factor * _STRIP):
        part = _in_plain_mode(picture.crop((0, top, width, min(height, top + factor * _STRIP))), modes)
        parts.append(part.reduce(factor))
    small = Image.new(parts[0].mode, (parts[0].width, sum(part.height for part in parts)))
    for number, part in enumerate(parts):
        small.paste(part, (0, number * _STRIP))
    small.thumbnail(THUMB_SIZE)
    return small


def _upright(small: Image.Image, picture: Image.Image) -> Image.Image:
    """Turn the thumbnail as the picture's EXIF orientation says."""
    small.getexif()[_ORIENTATION] = picture.getexif().get(_ORIENTATION, 1)
    upright = ImageOps.exif_transpose(small)
    upright.info.clear()
    return upright


def _in_plain_mode(picture: Image.Image, modes: tuple[str, ...]) -> Image.Image:
    """Convert palettes, CMYK, 16-bit grey, a transparent colour and the like to a mode that can be scaled and saved."""
    if picture.mode in modes and "transparency" not in picture.info:
        return picture
    if picture.mode.startswith("I"):  # 16-bit grey, that convert() would clip to white
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert(modes[0])
    transparent = picture.has_transparency_data and "RGBA" in modes
    return picture.convert("RGBA" if transparent else "RGB")
