"""Defines the values that the rooms of the origin hand to each other: a row found, lifetimes, a part of a file."""

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from takedown_base.content_names import FileNames

#: The pattern of a rendition's name, in URLs and in the database.
RENDITION = "[a-z0-9_-]{1,32}"

#: The name of the picture as it was imported. It has the URL of the image, without a name.
ORIGINAL = "original"

#: The name and the value of a header of an answer.
Header = tuple[str, str]


class Found(NamedTuple):
    """The row of the statement ``look_up_image``, its columns in their order. Times are UTC, with no zone attached."""

    content_type: str | None
    size: int | None
    digest: str | None
    owner: str | None
    stable_until: datetime | None
    banned: int | None  # 1, or None for no
    pending: int | None  # likewise
    changed_at: datetime | None
    read_at: datetime
    seen: int  # number of the last batch in the lookup's own snapshot
    read_only: int = 0  # the server was demoted and may lag
    changed: int = 0  # number of the batch of the last change of the image, its owner or its content
    original: str | None = None  # content of the original in hex, whatever the rendition: what bans by content name
    path: str | None = None  # of the file in the tree in place; None: the own store has it, by its digest


class Content(NamedTuple):
    """The content of a URL of a site's own server, as the origin read it."""

    digest: str  # SHA-256 of the bytes, in hex
    length: int  # bytes
    etag: str  # as the server sent it; empty: it sent none
    last_modified: str  # likewise
    names: FileNames


class SiteUrl(NamedTuple):
    """A URL of a site's own server: host and path with query as the edge asks for them, and the image's code."""

    host: str
    url: str
    code: str

    @property
    def id(self) -> str:
        """The key of its record."""
        return hashlib.sha256(f"{self.host}\n{self.url}".encode()).hexdigest()


class FoundContent(NamedTuple):
    """The record of a URL: the last columns of the statement ``look_up_site_url``, in their order."""

    digest: str | None  # None: it was not read yet
    length: int | None
    etag: str | None
    last_modified: str | None
    content: str | None = None  # by which a ban by content finds it


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """Lifetimes of answers at the edge, in seconds."""

    full: int = 86400  # an image with its Last-Modified, and the special image
    unknown: int = 60  # a 404
    undated: int = 2  # an image that has no Last-Modified yet


@dataclass(frozen=True, slots=True)
class ByteRange:
    """A part of a file: ``length`` bytes (at least 1) from ``start``, in bytes from 0."""

    start: int
    length: int


class FilePart(NamedTuple):
    """A part of the file (or of the special image) with this SHA-256 in hex, and the file's size in bytes.

    ``path`` is the file's place in the tree in place; None: the own store has it.
    """

    digest: str
    size: int
    part: ByteRange
    path: str | None = None
