"""Put pictures on a site's own server, which nobody imports: the edge shows them after a verdict of the origin."""

from tests.chaos.pictures.distinct_images import RENDITIONS, Catalogue, Version
from tests.support.sites.site_server import SiteServer

#: Prefix of the codes of these pictures. A name that could be a code is its own code.
PREFIX = "site-"

#: The origin's rules: both URLs of a picture lead to its name.
RULES = f"[[rule]]\nmatch = '^/files/(?:thumb/)?(?P<name>{PREFIX}[^/]+)$'\n"

#: The prefix of each rendition's URL.
_PLACES = {"original": "/files/", "thumb": "/files/thumb/"}


def url_of(code: str, rendition: str) -> str:
    """Return the URL of a rendition: of a picture of the site at its own place, of an imported image as everywhere."""
    if code.startswith(PREFIX):
        return _PLACES[rendition] + code
    return f"/images/{code}" if rendition == "original" else f"/images/{code}/{rendition}"


class SitePictures:
    """The pictures that the site's server has now."""

    def __init__(self, server: SiteServer, catalogue: Catalogue) -> None:
        self._server = server
        self._catalogue = catalogue

    def renew(self, code: str) -> Version:
        """Put the next version of a picture, or a new picture, under its URLs."""
        version = self._catalogue.make(code)
        self.put(version)
        return version

    def put(self, version: Version) -> None:
        """Put a version of a picture under its URLs, both at one moment."""
        self._server.files |= {
            url_of(version.code, rendition): self._catalogue.body(version, rendition) for rendition in RENDITIONS
        }
