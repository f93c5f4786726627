"""Reads where a store is: a directory, or the URL of a bucket."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

#: Schemes of the URLs of buckets, as the library obstore knows them.
OBJECT_SCHEMES = ("s3", "gs", "az")


@dataclass(frozen=True, slots=True)
class Location:
    """Where a store is. Its text holds no secret.

    ``directory`` is None for an object store. ``settings`` is the file with the settings of an object store.
    """

    url: str
    directory: Path | None = None
    settings: Path | None = None

    def __str__(self) -> str:
        return self.url if self.directory is None else str(self.directory)


def parse_location(text: str) -> Location:
    """Read ``file:DIR``, a mere path of a directory, or a bucket's URL such as ``s3://BUCKET/PREFIX``.

    Raises ``ValueError`` with the reason, which never repeats a password.
    """
    scheme, colon, rest = text.partition(":")
    if not colon or "/" in scheme:
        scheme, rest = "file", text
    if scheme == "file":
        path = unquote(rest.removeprefix("//")) if rest.startswith("//") else rest
        if not path or "\0" in path or (rest.startswith("//") and not path.startswith("/")):
            raise ValueError("a directory is DIR, file:DIR or file:///DIR")
        return Location(f"file:{path}", Path(path))
    if scheme not in OBJECT_SCHEMES:
        raise ValueError(f"a store is file:DIR, or a bucket: {', '.join(f'{each}://...' for each in OBJECT_SCHEMES)}")
    return _bucket(text)


def _bucket(text: str) -> Location:
    """Read the URL of a bucket. Raises ``ValueError``."""
    try:
        url = urlsplit(text)
        userinfo = url.username is not None or url.password is not None
    except ValueError:
        raise ValueError("the URL of the bucket cannot be read") from None
    if userinfo or url.query or url.fragment:
        raise ValueError(
            "the URL of a bucket is SCHEME://BUCKET/PREFIX and no more: settings and credentials come from the"
            " environment or from a file of settings, since every user of the machine can read a command line"
        )
    prefix = url.path.strip("/")
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{1,62}", url.netloc):
        raise ValueError(f"{url.netloc!a} is no name of a bucket")
    if not re.fullmatch(r"[A-Za-z0-9._/-]*", prefix) or any(part in ("", ".", "..") for part in prefix.split("/")[1:]):
        raise ValueError(f"the prefix {prefix!a} is not of A-Z a-z 0-9 . _ - and / between them")
    return Location(f"{url.scheme}://{url.netloc}/{prefix}".rstrip("/"))
