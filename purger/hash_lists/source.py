"""Copies a list from a file or a URL into a temporary file, whole or not at all.

A server's answer is believed only where its end is known: it has a Content-Length or is chunked, and comes whole.
"""

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

import requests
import urllib3

#: Bytes of the largest list: five million SHA-1, a line each, which take half a gigabyte of memory.
LARGEST = 200 * 1024 * 1024

#: Seconds to connect, between two parts of the answer, and for all of it.
_CONNECT, _PART, _WHOLE = 10.0, 30.0, 600.0

_PART_SIZE = 1 << 20


class SourceError(Exception):
    """A list could not be read whole. The message says why."""


def is_url(source: str) -> bool:
    """Tell whether a source is an http(s) URL, and no file."""
    return source.lower().startswith(("http://", "https://"))


@contextmanager
def opened(source: str) -> Iterator[IO[str]]:
    """Yield the text of a list. Raises ``SourceError``."""
    if not is_url(source):
        with _opened_file(source) as file:
            yield file
        return
    with tempfile.TemporaryFile("w+b") as copy:
        try:
            _download(source, copy)
        except requests.RequestException as error:
            raise SourceError(_reason(error)) from None
        except urllib3.exceptions.HTTPError:
            raise SourceError("the answer broke off") from None
        copy.seek(0)
        with open(copy.fileno(), encoding="utf-8-sig", newline="", closefd=False) as text:
            yield text


def _opened_file(path: str) -> IO[str]:
    try:
        if Path(path).stat().st_size > LARGEST:
            raise SourceError(f"it is larger than {LARGEST:,} bytes")
        return Path(path).open(encoding="utf-8-sig", newline="")
    except (OSError, ValueError) as error:
        raise SourceError(f"it cannot be read: {getattr(error, 'strerror', None) or error}") from None


def _download(url: str, copy: IO[bytes]) -> None:
    until = time.monotonic() + _WHOLE
    # Only of a body that is not compressed does the length say that it is whole.
    headers = {"Accept-Encoding": "identity", "User-Agent": "edge-takedown"}
    with requests.get(url, headers=headers, stream=True, timeout=(_CONNECT, _PART)) as answer:
        if urlsplit(answer.url).scheme not in ("http", "https"):
            raise SourceError("it leads to another kind of URL")
        if answer.status_code != 200:
            raise SourceError(f"the server answered {answer.status_code}")
        length = answer.headers.get("Content-Length")
        if answer.headers.get("Content-Encoding", "identity") != "identity":
            raise SourceError("the answer is compressed, although that was not asked for")
        if length is None and answer.headers.get("Transfer-Encoding", "").lower() != "chunked":
            raise SourceError("the answer does not say where it ends, so it may have broken off")
        size = 0
        for part in answer.iter_content(_PART_SIZE):
            size += len(part)
            if size > LARGEST:
                raise SourceError(f"it is larger than {LARGEST:,} bytes")
            if time.monotonic() > until:
                raise SourceError(f"it took longer than {_WHOLE:g} s")
            copy.write(part)
        if length is not None and length != str(size):
            raise SourceError(f"the answer has {size:,} bytes, and not as many as it said")


def _reason(error: requests.RequestException) -> str:
    if isinstance(error, requests.Timeout):
        return "the server did not answer in time"
    if isinstance(error, requests.exceptions.SSLError):
        return "the server's certificate is not trusted"
    if isinstance(error, requests.exceptions.ChunkedEncodingError):
        return "the answer broke off"
    if isinstance(error, requests.ConnectionError):
        return "the server cannot be reached, or the answer broke off"
    return "the URL or the answer is malformed"
