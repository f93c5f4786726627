"""Decodes image files (pictures) with Pillow: reads their type and size, and makes smaller ones. Only for decoders."""

import warnings
from collections.abc import Sequence
from typing import BinaryIO, NamedTuple

from PIL import Image, ImageOps, UnidentifiedImageError

from origin.importing.renditions import FORMATS, Reduced
from origin.model import ORIGINAL

#: The divisor of ``max_pixels`` for formats that take more memory: at the peak 16 bytes a pixel for WebP, 9 for AVIF,
#: and at most 6 for the others.
_MEMORY_SHARES = {"WEBP": 3, "AVIF": 2}

#: Pixels of the longest side, the most that a JPEG or a GIF can have. Each row takes 8 bytes besides its pixels.
_LARGEST_SIDE = 65_535

#: Rows of the smaller picture that are made at a time.
_STRIP = 16

#: The EXIF tag of the orientation, and its values that turn a picture by 90 degrees.
_ORIENTATION = 0x0112
_SIDEWAYS = range(5, 9)

#: Media types by Pillow's name of the format. MPO, which some cameras write, is a JPEG with further pictures behind the
#: first.
_CONTENT_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",
    "PNG": "image/png",
    "GIF": "image/gif",
    "WEBP": "image/webp",
    "AVIF": "image/avif",
}

#: The format of a smaller picture, by the format of the original. GIF becomes PNG: its 256 colours suit no photograph.
_REDUCED_FORMATS = {"JPEG": "JPEG", "MPO": "JPEG", "PNG": "PNG", "GIF": "PNG", "WEBP": "WEBP", "AVIF": "AVIF"}

Image.MAX_IMAGE_PIXELS = None  # decode() compares the size by itself, at the same moment as Pillow would
warnings.filterwarnings("ignore", module=r"PIL\b")  # of tags that make no sense

#: Pillow's modes that a format can save, and the modes of all other formats.
_PLAIN_MODES = {"JPEG": ("L", "RGB"), "AVIF": ("RGB", "RGBA")}
_PLAIN_MODES_ELSE = ("L", "LA", "RGB", "RGBA")


class UnusablePictureError(ValueError):
    """A picture is broken, or too large to be decoded. The message says why."""


class PictureKind(NamedTuple):
    """The media type and the size of a picture, in pixels as it is shown (EXIF orientation applied)."""

    content_type: str
    width: int
    height: int


def decode(
    file: BinaryIO, format_: str, targets: Sequence[tuple[Reduced, BinaryIO]], max_pixels: int, *, load: bool = True
) -> dict[str, PictureKind]:
    """Decode the picture in ``file`` and write a smaller one into the file of each target.

    Returns the kinds of the original and of the smaller ones, by the names of the renditions. ``format_`` is Pillow's
    name for the file's format. Of an animation only the first picture is used. Takes at most about 6 bytes of memory
    for each of ``max_pixels``. ``load=False`` reads only the head where there are no targets, and then takes a broken
    picture for a whole one. Raises ``UnusablePictureError`` and ``MemoryError``.
    """
    share = _MEMORY_SHARES.get(format_, 1)
    doubt = ""
    try:
        with Image.open(file, formats=[format_]) as picture:
            _check_size(picture, format_, max_pixels, share)
            if picture.width * picture.height > max_pixels // share // 2:  # decoders hide their lack of memory
                doubt = ", or too large for the memory that --max-pixels allows it"
            return _reduce(picture, targets, load=load)
    except (UnusablePictureError, MemoryError):
        raise
    except UnidentifiedImageError:
        raise UnusablePictureError(f"broken: it begins as {format_} does and cannot be read as such") from None
    except Exception as error:
        # Pillow's decoders raise errors of any type when a file makes no sense.
        raise UnusablePictureError(f"broken{doubt}: {error}") from None


def _check_size(picture: Image.Image, format_: str, max_pixels: int, share: int) -> None:
    """Refuse a picture that is too large to be decoded."""
    if max(picture.size) > _LARGEST_SIDE:
        raise UnusablePictureError(f"a side of more than {_LARGEST_SIDE} pixels")
    if picture.width * picture.height > max_pixels // share:
        part = f" (1/{share} of --max-pixels, for the memory that {format_} takes)" if share > 1 else ""
        raise UnusablePictureError(f"more than {max_pixels // share} pixels{part}: a larger --max-pixels would take it")


def _reduce(picture: Image.Image, targets: Sequence[tuple[Reduced, BinaryIO]], *, load: bool) -> dict[str, PictureKind]:
    """Write the smaller pictures, the largest first: a JPEG is decoded but once, no larger than that one needs."""
    format_ = picture.format or ""
    size = picture.size
    kinds = {}
    if load and not targets:
        picture.draft(None, (1, 1))  # all of it, but in the smallest of the sizes in which a JPEG can be decoded
        picture.load()
    for reduced, file in sorted(targets, key=lambda target: -max(target[0].width, target[0].height)):
        small_format = FORMATS[reduced.format] if reduced.format else _REDUCED_FORMATS[format_]
        small = _upright(_shrunk(picture, reduced, _PLAIN_MODES.get(small_format, _PLAIN_MODES_ELSE)), picture)
        # The colour profile belongs to the colours. All other metadata (place, camera) stays out.
        same_colours = picture.mode in (small.mode, "RGB", "RGBA", "P")
        profile = picture.info.get("icc_profile") if same_colours else None
        quality = {} if reduced.quality is None else {"quality": reduced.quality}
        small.save(file, small_format, icc_profile=profile, **quality)
        kinds[reduced.name] = PictureKind(_CONTENT_TYPES[small_format], *small.size)
    shown = size[::-1] if _orientation(picture, whole=load or bool(targets)) in _SIDEWAYS else size
    return {ORIGINAL: PictureKind(_CONTENT_TYPES[format_], *shown)} | kinds


def _orientation(picture: Image.Image, *, whole: bool) -> int | None:
    """Read the EXIF orientation. Unless ``whole``, no pixels are decoded to find one behind them."""
    if not whole and picture.format == "PNG" and "exif" not in picture.info:
        return None
    found: int | None = picture.getexif().get(_ORIENTATION)
    return found


def _shrunk(picture: Image.Image, reduced: Reduced, modes: tuple[str, ...]) -> Image.Image:
    """Decode all of the picture and make a smaller one in one of these modes, without any of its metadata.

    Shrinks by a whole factor first, in strips: a converted copy of the whole would take as much memory again.
    """
    factor = _factor(picture, reduced)
    if factor > 1:  # a JPEG can be decoded smaller, at an eighth of its size with a 64th of the memory
        picture.draft(None, (max(1, picture.width // factor), max(1, picture.height // factor)))
        factor = _factor(picture, reduced)
    picture.load()
    width, height = picture.size
    parts = []
    for top in range(0, height, factor * _STRIP):
        part = _in_plain_mode(picture.crop((0, top, width, min(height, top + factor * _STRIP))), modes)
        parts.append(part.reduce(factor))
    small = Image.new(parts[0].mode, (parts[0].width, sum(part.height for part in parts)))
    for number, part in enumerate(parts):
        small.paste(part, (0, number * _STRIP))
    small.thumbnail((reduced.width, reduced.height))
    return small


def _factor(picture: Image.Image, reduced: Reduced) -> int:
    """Choose the whole factor to shrink by first. At least twice the wanted size stays, for the final scaling."""
    return max(1, max(picture.width // reduced.width, picture.height // reduced.height) // 2)


def _upright(small: Image.Image, picture: Image.Image) -> Image.Image:
    """Turn the smaller picture as the EXIF orientation of the original says."""
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
    if not picture.has_transparency_data:
        return picture.convert("RGB")
    if "RGBA" in modes:
        return picture.convert("RGBA")
    # A page is white more often than black, which transparent pixels mostly are underneath.
    return Image.alpha_composite(Image.new("RGBA", picture.size, "white"), picture.convert("RGBA")).convert("RGB")
