"""Lists the renditions of an image: the original, and the smaller ones that an import makes of it.

Another rendition is another row of ``REDUCED`` here, and its name in varnish/default.vcl (sub takedown_renditions). An
import of the same files makes it for images that were imported before.
"""

from typing import NamedTuple

#: The pattern of a rendition's name, in URLs and in the database.
RENDITION = "[a-z0-9_-]{1,32}"

#: The name of the picture as it was imported. Its URL is that of the image, without a name.
ORIGINAL = "original"


class Reduced(NamedTuple):
    """A rendition that is made smaller: at most so many pixels wide and high, in the proportions of the original."""

    name: str
    width: int
    height: int


#: The smaller renditions of each image.
REDUCED = (Reduced("thumb", 256, 256),)
