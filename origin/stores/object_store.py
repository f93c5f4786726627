"""Keeps files in an object store (S3 and its kin), by the library obstore. Only stores of this kind import it.

Each request is for a part of an object. So no large file is ever whole in memory, and the time-out of a request bounds
a stall of the store, however slowly the client reads.
"""

import contextlib
import logging
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, BinaryIO, TypeVar

import obstore
import obstore.exceptions
import obstore.store

from origin.circuit_breaker import CircuitBreaker
from origin.model import FilePart
from origin.stores.contract import PATIENT, DamagedFileError, MissingFileError, StoreAwayError, StoredBody
from origin.stores.store_settings import require_endpoint
from takedown_base.printable import printable

log = logging.getLogger(__name__)

Result = TypeVar("Result")

#: Bytes of a request. Each thread that answers holds as much; most images take one request.
_PART = 1 << 20

#: Time-outs in seconds for one try of the first request of a body. A slow lookup leaves time for a shorter one only.
_TIMEOUTS = (2.0, 1.0, 0.5)

#: Duration of a try and its repetition, as a multiple of the time-out: a repetition begins only in the first quarter.
_WITH_RETRY = 1.3

#: Time-out in seconds for one try of any other request: of a later part of a body, and of each request of a command.
_PATIENT_TIMEOUT = 10.0

#: Repetitions of such a request. They take some seconds where each fails at once.
_PATIENT_RETRIES = 6

#: Seconds for which the circuit breaker stays open.
PAUSE = 1.0

#: Requests of 5 MiB that upload a large file at a time.
_UPLOADS = 2

#: Options of obstore that belong to its HTTP client, and not to the kind of store.
_CLIENT_OPTIONS = frozenset({"allow_http", "allow_invalid_certificates", "http1_only", "http2_only", "proxy_url"})

#: Variables with the address of a store.
_ENDPOINTS = ("AWS_ENDPOINT", "AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3", "AZURE_STORAGE_ENDPOINT", "AZURE_ENDPOINT")

_STATUS = re.compile(r"status code: (\d{3})").search
_CODE = re.compile(r"<Code>(\w{1,64})</Code>").search

#: The errors of obstore. A missing object is FileNotFoundError, a malformed path ValueError.
_ERRORS = (obstore.exceptions.BaseError, OSError, ValueError)


class ObjectStore:
    """The objects below a prefix of a bucket."""

    def __init__(self, url: str, settings: Mapping[str, str]) -> None:
        """Take the bucket's URL, and settings in the names of obstore. Connects to nothing yet.

        What the settings do not say comes from the environment, for example AWS_ACCESS_KEY_ID. Raises ``ValueError`` or
        ``obstore.exceptions.BaseError`` for settings that obstore does not know.
        """
        self._url = url
        for name in _ENDPOINTS:
            if value := os.environ.get(name):
                require_endpoint(name, value)
        self._config = {name: value for name, value in settings.items() if name not in _CLIENT_OPTIONS}
        self._client_options = {name: value for name, value in settings.items() if name in _CLIENT_OPTIONS}
        # obstore reads it from the environment, but not where it is given other options of the client.
        if plain := os.environ.get("AWS_ALLOW_HTTP"):
            self._client_options.setdefault("allow_http", plain)
        self._hurried = {timeout: self._client(timeout, 1, timeout / 4) for timeout in _TIMEOUTS}
        self._patient = self._client(_PATIENT_TIMEOUT, _PATIENT_RETRIES, _PATIENT_TIMEOUT)
        self._breaker = CircuitBreaker(PAUSE)
        self._away = False

    def open(self, key: str, file: FilePart, name: str, latest: float) -> "ObjectBody":
        """Open a part of an object, and read its first bytes by ``latest`` (of the monotonic clock, in seconds).

        Raises ``DamagedFileError`` where there is no object of the recorded size, and ``StoreAwayError``.
        """
        name = printable(name)
        if latest == PATIENT:
            return ObjectBody(self._patient, key, file, name, _plainly)
        timeout = self._timeout(latest)
        if timeout is None:
            raise StoreAwayError(f"{name}: the request has waited too long to ask the store")
        if not self._breaker.allows():
            raise StoreAwayError(f"{name}: the store did not answer in time a moment ago")
        return ObjectBody(self._hurried[timeout], key, file, name, lambda read: self._judged(read, timeout))

    def size(self, key: str) -> int | None:
        """Return the size of an object in bytes; None where it does not exist. Raises ``StoreAwayError``."""
        try:
            return int(obstore.head(self._patient, key)["size"])
        except FileNotFoundError:
            return None
        except _ERRORS as error:
            raise StoreAwayError(f"{self._url}: {explain(error)}") from None

    @contextlib.contextmanager
    def temporary(self) -> Iterator[BinaryIO]:
        """Create a temporary file on this machine."""
        with tempfile.TemporaryFile(prefix="edge-takedown-") as file:
            yield file

    def put(self, key: str, file: BinaryIO) -> None:
        """Upload a file: the object is there whole or not at all. Raises ``StoreAwayError``."""
        file.seek(0)
        try:
            obstore.put(self._patient, key, file, max_concurrency=_UPLOADS)
        except _ERRORS as error:
            raise StoreAwayError(f"{self._url}: {explain(error)}") from None

    def erase(self, key: str) -> bool:
        """Delete an object, and tell whether there was one.

        Raises ``StoreAwayError``, and ``OSError`` where the bucket keeps versions: the bytes would stay.
        """
        try:
            version = obstore.head(self._patient, key)["version"]
            if version not in (None, "null"):
                raise OSError(f"{self._url} keeps versions of its objects: erase {key} with all of its versions there")
            obstore.delete(self._patient, key)
        except FileNotFoundError:
            return False
        except (obstore.exceptions.BaseError, ValueError) as error:
            raise StoreAwayError(f"{self._url}: {explain(error)}") from None
        return True

    def _client(self, timeout: float, retries: int, retry_within: float) -> Any:
        """Make a client. Times are in seconds; ``retry_within`` is the latest begin of a repetition."""
        return obstore.store.from_url(
            self._url,
            config=self._config or None,  # type: ignore[call-overload] # settings in the names of each kind of store
            client_options={**self._client_options, "timeout": timedelta(seconds=timeout)},
            retry_config={
                "max_retries": retries,
                "retry_timeout": timedelta(seconds=retry_within),
                "backoff": {"init_backoff": timedelta(milliseconds=50), "max_backoff": timedelta(seconds=timeout / 5)},
            },
        )

    def _timeout(self, latest: float) -> float | None:
        """Choose the longest time-out in seconds with which an answer comes by ``latest``; None if no time is left."""
        left = latest - time.monotonic()
        return next((timeout for timeout in _TIMEOUTS if timeout * _WITH_RETRY <= left), None)

    def _judged(self, read: Callable[[], bytes], timeout: float) -> bytes:
        """Read the first bytes of a body, and note whether the store answers and in time."""
        started = time.monotonic()
        try:
            first = read()
        except StoreAwayError as error:
            if time.monotonic() - started > timeout / 2:
                self._breaker.timed_out()
            if not self._away:
                self._away = True
                log.error("the store %s is unavailable, its images are answered 503: %s", self._url, error)
            raise
        except DamagedFileError:
            self._answers()
            raise
        self._answers()
        return first

    def _answers(self) -> None:
        self._breaker.succeeded()
        if self._away:
            self._away = False
            log.info("the store %s answers again", self._url)


class ObjectBody(StoredBody):
    """A part of an object. Each chunk is a request for at most ``_PART`` bytes."""

    def __init__(
        self, client: Any, key: str, file: FilePart, name: str, judged: Callable[[Callable[[], bytes]], bytes]
    ) -> None:
        """Read the first chunk, which ``judged`` calls."""
        super().__init__(file.part, name)
        self._client = client
        self._key = key
        self._size = file.size
        self._etag: str | None = None
        self._next = judged(self._read)

    def close(self) -> None:
        """Do nothing: no request is open between two chunks."""

    def _read(self) -> bytes:
        """Read the next chunk; empty at the end of the part. Raises ``DamagedFileError`` and ``StoreAwayError``."""
        if self._offset == self._end and self._size:
            return b""
        end = min(self._offset + _PART, self._end)
        try:
            chunk = self._fetch(end)
        except FileNotFoundError:
            raise MissingFileError(f"{self._name}: the store has no object {self._shown}") from None
        except obstore.exceptions.PreconditionError:
            raise DamagedFileError(f"{self._name}: {self._shown} changed while it was being sent") from None
        except _ERRORS as error:
            if _status(error) == 416:  # no such range: the object is shorter
                raise DamagedFileError(f"{self._name}: {self._shown} ends before byte {self._offset}") from None
            raise StoreAwayError(f"{self._name}: {explain(error)}") from None
        self._offset = end
        return chunk

    def _fetch(self, end: int) -> bytes:
        """Fetch the bytes up to ``end``. Raises ``DamagedFileError``, or what obstore raises."""
        options: dict[str, Any] = {"if_match": self._etag} if self._etag else {}
        if self._size:
            options["range"] = (self._offset, end)
        result = obstore.get(self._client, self._key, options=options)  # type: ignore[arg-type] # a dict is one
        size = result.meta["size"]
        if size != self._size:
            raise DamagedFileError(f"{self._name}: {self._shown} has {size} bytes, the database says {self._size}")
        chunk = bytes(result.bytes())
        if len(chunk) != end - self._offset:
            raise DamagedFileError(f"{self._name}: {len(chunk)} bytes came from the store for {end - self._offset}")
        self._etag = result.meta["e_tag"]
        return chunk

    @property
    def _shown(self) -> str:
        return printable(self._key)


def _plainly(read: Callable[[], bytes]) -> bytes:
    return read()


def explain(error: Exception) -> str:
    """Describe an error of obstore in one line: its message up to the answer's body, which may name a key's id."""
    text = str(error)
    head = printable(re.split(r"[<\n]", text, maxsplit=1)[0].strip(" :")[:300])
    code = _CODE(text)
    return f"{head} ({code[1]})" if code else head


def _status(error: Exception) -> int | None:
    """Return the HTTP status that an error of obstore names; None where there was no answer."""
    found = _STATUS(str(error))
    return int(found[1]) if found else None
