"""Receives the body of an upload within a time limit and in bounded memory."""

import contextlib
import tempfile
import time
from collections.abc import Iterator
from typing import BinaryIO, Protocol

#: Bytes of a read.
_CHUNK = 1 << 16


class BodyError(Exception):
    """The body of a request did not arrive. The message says why."""


class SlowBodyError(BodyError):
    """The body did not arrive within its time."""


class _Reader(Protocol):
    #: Seconds that each wait for bytes may take.
    stall: float

    def read1(self, size: int, /) -> bytes: ...


class Input(Protocol):
    """The body of a request as cheroot gives it: its bytes are in ``rfile``, and ``remaining`` of them unread."""

    rfile: _Reader
    remaining: int


@contextlib.contextmanager
def received(body: Input, seconds: float) -> Iterator[BinaryIO]:
    """Receive a whole body within ``seconds`` into an unnamed file, and yield that.

    The limit is for all of it: a client that drips would otherwise hold a thread for as long as it likes. Raises
    ``SlowBodyError`` and ``BodyError``.
    """
    end = time.monotonic() + seconds
    stall = body.rfile.stall
    with tempfile.TemporaryFile() as file:
        while body.remaining:
            left = end - time.monotonic()
            if left <= 0:
                raise SlowBodyError(f"The body did not arrive within {seconds:g} seconds.")
            body.rfile.stall = min(stall, left)
            try:
                chunk = body.rfile.read1(min(_CHUNK, body.remaining))
            except TimeoutError:
                raise SlowBodyError("The body stopped arriving.") from None
            except OSError as error:
                raise BodyError(f"The connection broke off: {error.strerror}.") from None
            if not chunk:
                raise BodyError("The body is shorter than its Content-Length.")
            body.remaining -= len(chunk)
            file.write(chunk)
        body.rfile.stall = stall
        file.flush()
        yield file
