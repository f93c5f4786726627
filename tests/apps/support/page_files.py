"""Find the files that a page links to: pictures in each size, films, documents."""

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from urllib.parse import quote, urljoin, urlsplit

_ATTRIBUTES = {"src", "href", "poster", "data", "data-src", "data-src-full", "content", "data-large-file"}

#: Ends of paths that are files of pictures, films or documents.
_FILE = re.compile(r"(?i)\.(?:jpe?g|png|gif|webp|avif|svg|pdf|tiff?|webm|ogg|ogv|mp4)$")

#: All that a browser sends in a path as it is.
_SENT_AS_TYPED = "%!\"#$&'()*+,/:;<=>?@[\\]^`{|}~"


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, _tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in _ATTRIBUTES and value:
                self.found.append(value)
            elif name in ("srcset", "data-srcset") and value:
                self.found += [part.split()[0] for part in re.split(r",\s+", value) if part.strip()]


def as_sent(path: str) -> str:
    """Escape what a browser escapes in a path or a whole URL."""
    return quote(path, safe=_SENT_AS_TYPED)


def files_of(url: str, html: str, below: str) -> Iterator[str]:
    """Yield the path with query of each file that a page at ``url`` links to on its own host, below a path."""
    links = _Links()
    links.feed(html)
    host = urlsplit(url).netloc
    for link in links.found:
        target = urlsplit(as_sent(urljoin(url, link)))
        if target.netloc == host and target.path.startswith(below) and _FILE.search(target.path):
            yield target.path + (f"?{target.query}" if target.query else "")
