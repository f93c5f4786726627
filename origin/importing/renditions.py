"""Lists the reduced renditions of an image: built-in ones, or the ones in a site's own table, a TOML file.

A table has a section for each rendition, named as the rendition is. Another built-in rendition is another row of
``REDUCED``, and its name in varnish/default.vcl (sub takedown_renditions). An import of the same files makes it for
images that were imported before.
"""

import re
import tomllib
from pathlib import Path
from typing import Any, NamedTuple

from origin.model import ORIGINAL, RENDITION
from takedown_base.printable import printable

#: The formats that a reduced rendition may have, by their names in tables, each as Pillow names it.
FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF"}

#: The formats that lose detail, by a quality from 1 to 100.
LOSSY = frozenset({"jpeg", "webp", "avif"})

#: Bytes of the largest file that is read.
_LONGEST = 64 * 1024

#: Renditions of an image. Varnish searches the variants of an object one after the other.
_MOST = 32

#: Pixels of the longest side: the largest that WebP has.
_LARGEST_SIDE = 16383

_KEYS = ("width", "height", "format", "quality")


class Reduced(NamedTuple):
    """A rendition that is made smaller: at most so many pixels wide and high, in the proportions of the original."""

    name: str
    width: int
    height: int
    format: str | None = None  # a key of FORMATS; None: the format of the original, and PNG for a GIF
    quality: int | None = None  # 1 to 100, for lossy formats; None: the encoder's default


#: The reduced renditions of each image, unless a site has a table of its own.
REDUCED = (Reduced("thumb", 256, 256),)


class UnusableTableError(ValueError):
    """A table of renditions cannot be used. The message names the file, the rendition, the fault and the rule."""


def read_table(path: Path | None) -> tuple[Reduced, ...]:
    """Read the table in ``path``; None: the built-in one. Raises ``UnusableTableError``."""
    if path is None:
        return REDUCED
    try:
        return tuple(_rendition(name, settings) for name, settings in _sections(path).items())
    except UnusableTableError as error:
        raise UnusableTableError(printable(f"{path}: {error}")) from None


def vcl_lines(table: tuple[Reduced, ...]) -> str:
    """Write the sub of default.vcl that lets the edge show the renditions of ``table``."""
    names = "".join(f" {reduced.name}" for reduced in table)
    return f'sub takedown_renditions {{\n    var.set("renditions", "{names} ");\n}}'


def _sections(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            text = file.read(_LONGEST + 1)
        if len(text) > _LONGEST:
            raise UnusableTableError(f"longer than {_LONGEST} bytes")
        sections = tomllib.loads(text.decode())
    except OSError as error:
        raise UnusableTableError(f"cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UnusableTableError("not UTF-8 text") from None
    except tomllib.TOMLDecodeError as error:
        raise UnusableTableError(f"not TOML: {error}") from None
    if len(sections) > _MOST:
        raise UnusableTableError(f"{len(sections)} renditions, and at most {_MOST} are allowed")
    return sections


def _rendition(name: str, settings: object) -> Reduced:
    """Check one section of the file."""
    if not isinstance(settings, dict):
        raise UnusableTableError(f"{name} is in no section: write [thumb] above the settings of rendition thumb")
    if not re.fullmatch(RENDITION, name) or name == ORIGINAL:
        raise UnusableTableError(f"[{name}]: a name is 1 to 32 of a-z 0-9 _ -, and not {ORIGINAL}")
    if unknown := sorted(settings.keys() - set(_KEYS)):
        raise UnusableTableError(f"[{name}]: {unknown[0]} is unknown: {', '.join(_KEYS)} are the settings")
    width, height = (_number(name, settings, key, _LARGEST_SIDE) for key in ("width", "height"))
    format_, quality = settings.get("format"), settings.get("quality")
    if format_ is not None and (not isinstance(format_, str) or format_ not in FORMATS):
        raise UnusableTableError(f'[{name}]: format is one of {", ".join(FORMATS)}, as in format = "webp"')
    if quality is not None:
        quality = _number(name, settings, "quality", 100)
        if format_ is not None and format_ not in LOSSY:
            raise UnusableTableError(f"[{name}]: {format_} loses nothing, and has no quality")
    return Reduced(name, width, height, format_, quality)


def _number(name: str, settings: dict[str, Any], key: str, largest: int) -> int:
    value = settings.get(key)
    if type(value) is not int or not 1 <= value <= largest:  # bool is an int, too
        raise UnusableTableError(f"[{name}]: {key} has to be a whole number from 1 to {largest}, as in {key} = 80")
    return value
