"""Lists the renditions of an image: the original, and the reduced ones that an import makes of it.

Another rendition is another row of ``REDUCED`` here, or of a site's own table (``rendition_table.py``), and its name
in varnish/default.vcl (sub takedown_renditions). An import of the same files makes it for images that were imported
before.
"""

from typing import NamedTuple

#: The formats that a reduced rendition may have, by their names in tables, each as Pillow names it.
FORMATS = {"jpeg": "JPEG", "png": "PNG", "webp": "WEBP", "avif": "AVIF"}

#: The formats that lose detail, by a quality from 1 to 100.
LOSSY = frozenset({"jpeg", "webp", "avif"})


class Reduced(NamedTuple):
    """A rendition that is made smaller: at most so many pixels wide and high, in the proportions of the original."""

    name: str
    width: int
    height: int
    format: str | None = None  # a key of FORMATS; None: that of the original, and PNG for a GIF
    quality: int | None = None  # 1 to 100, for lossy formats; None: the encoder's default


#: The reduced renditions of each image, unless a site has a table of its own.
REDUCED = (Reduced("thumb", 256, 256),)
