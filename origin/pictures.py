"""Looking into pictures with Pillow: what kind and size they are, and a thumbnail of them. For imports only."""

import warnings
from dataclasses import dataclass
from typing import BinaryIO

from PIL import Image, ImageOps, UnidentifiedImageError

THUMB_SIZE = (256, 256)  # pixels

# Pillow's names: of what it may try to read a file as, and of what it may then say that it was. MPO is what some
# cameras write, a JPEG with further pictures behind the first.
_READ = ("JPEG", "PNG", "GIF", "WEBP", "AVIF")
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
    """Not a picture of a kind that is served, or a broken or a dangerous one."""


@dataclass(frozen=True, slots=True)
class Kind:
    """What is recorded of a picture. Width and height are in pixels, as it is shown (EXIF orientation applied)."""

    content_type: str
    width: int
    height: int


def inspect(file: BinaryIO, thumb: BinaryIO) -> tuple[Kind, Kind]:
    """Decode the picture in ``file`` and write a thumbnail of it into ``thumb``. Answers what the two are.

    Of an animation the first picture is decoded, and is the thumbnail. Raises ``UnusablePictureError``.
    """
    with warnings.catch_warnings():
        # Pillow only warns of a picture that unpacks to between one and two times its limit (about 90 million pixels).
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        try:
            with Image.open(file, formats=_READ) as picture:
                return _inspect(picture, thumb)
        except (Image.DecompressionBombError, Image.DecompressionBombWarning):
            limit = Image.MAX_IMAGE_PIXELS
            raise UnusablePictureError(f"more than {limit} pixels: refused as a decompression bomb") from None
        except UnidentifiedImageError:
            raise UnusablePictureError("not a JPEG, PNG, GIF, WebP or AVIF picture") from None
        except MemoryError:
            raise UnusablePictureError("too large for this machine's memory") from None
        except Exception as error:
            # Pillow's decoders raise whatever happens to go wrong first when what they read makes no sense.
            raise UnusablePictureError(f"broken: {error}") from None


def _inspect(picture: Image.Image, thumb: BinaryIO) -> tuple[Kind, Kind]:
    kind = picture.format or ""
    shown = ImageOps.exif_transpose(picture)  # decodes all of it
    small_format = _THUMB_FORMATS[kind]
    small = _in_plain_mode(shown, _PLAIN_MODES.get(small_format, _PLAIN_MODES_ELSE))
    small.thumbnail(THUMB_SIZE)
    # The colour profile belongs to the colours; the rest (place, camera) is nobody's business in a thumbnail.
    same_colours = picture.mode in (small.mode, "RGB", "RGBA", "P")
    profile = picture.info.get("icc_profile") if same_colours else None
    small.save(thumb, small_format, icc_profile=profile)
    return (
        Kind(_CONTENT_TYPES[kind], *shown.size),
        Kind(_CONTENT_TYPES[small_format], *small.size),
    )


def _in_plain_mode(picture: Image.Image, modes: tuple[str, ...]) -> Image.Image:
    """Convert palettes, CMYK, 16-bit grey and the like to a mode that can be scaled and saved."""
    if picture.mode in modes:
        return picture.copy()
    if picture.mode.startswith("I"):  # 16-bit grey, that convert() would clip to white
        return picture.convert("I").point(lambda value: value * (1 / 256)).convert("L").convert(modes[0])
    transparent = picture.has_transparency_data and "RGBA" in modes
    return picture.convert("RGBA" if transparent else "RGB")
