"""Runs the processes that open pictures (``decoder``). The process of an import or an upload listener opens none.

A picture that takes too much time or memory ends its decoder at worst: that picture is refused, and the next one gets a
new decoder. Others are decoded beside it meanwhile.
"""

import json
import logging
import queue
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, BinaryIO, Self

from origin.importing.rules import ImportRules
from origin.importing.sources import RefusedFileError

log = logging.getLogger(__name__)

#: Bytes of the longest message, and descriptors of the largest one: a picture, and the files of its renditions.
LONGEST_MESSAGE = 64 * 1024
MOST_FILES = 64

#: Bytes of memory that a decoder has at least: the interpreter and its libraries take a third of it.
_LEAST_MEMORY = 96 << 20

#: Bytes of memory for a pixel and for a byte of the file, at the limits of both.
_PER_PIXEL, _PER_BYTE = 6, 2

#: The time that a job may take, as a multiple of its processor time: a busy machine gives it less.
_PATIENCE = 10


class NoPictureError(RefusedFileError):
    """The bytes are of no format that is taken."""


class BrokenPictureError(RefusedFileError):
    """The bytes begin as a picture does, but are broken, or take too much, or their metadata cannot be found."""


class Decoder:
    """One process, which is started when it is needed. One thread at a time may use it."""

    def __init__(self, rules: ImportRules) -> None:
        self._seconds = rules.decode_time
        memory = max(_LEAST_MEMORY, _PER_PIXEL * rules.max_pixels + _PER_BYTE * rules.max_bytes)
        limits = map(str, (memory, rules.decode_time, rules.max_bytes, rules.max_pixels))
        self._command = [sys.executable, "-P", "-m", "origin.importing.decoder", *limits]
        self._process: subprocess.Popen[bytes] | None = None
        self._jobs: socket.socket | None = None

    def do(self, job: dict[str, Any], files: Sequence[BinaryIO]) -> dict[str, Any]:
        """Let it do a job with these files, the first of which it reads. Returns its answer.

        Raises ``NoPictureError`` and ``BrokenPictureError``.
        """
        if self._jobs is None or self._process is None or self._process.poll() is not None:
            self.close()
            self._jobs, self._process = self._start()
        try:
            socket.send_fds(self._jobs, [json.dumps(job).encode()], [file.fileno() for file in files])
            message = self._jobs.recv(LONGEST_MESSAGE)
        except TimeoutError:
            self.close()
            raise BrokenPictureError(f"decoding did not end within {self._seconds * _PATIENCE} seconds") from None
        except OSError:
            message = b""
        if not message:
            raise BrokenPictureError(self._reason(self._process.wait()))
        answer: dict[str, Any] = json.loads(message)
        if reason := answer.get("refused"):
            raise (BrokenPictureError if answer["picture"] else NoPictureError)(reason)
        return answer

    def close(self) -> None:
        """End the process, whatever it does."""
        if self._jobs is not None:
            self._jobs.close()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        self._jobs = self._process = None

    def _start(self) -> tuple[socket.socket, subprocess.Popen[bytes]]:
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.settimeout(self._seconds * _PATIENCE)
        with its:
            # A session of its own: Ctrl-C at a terminal is for the import, which decides what it finishes.
            process = subprocess.Popen(
                self._command, stdin=its.fileno(), stdout=subprocess.DEVNULL, start_new_session=True
            )
        return ours, process

    def _reason(self, code: int) -> str:
        """Explain why it ended in the middle of a job."""
        if code == -signal.SIGXCPU:
            return f"decoding takes more than {self._seconds} s of processor time: a larger --decode-time would take it"
        log.error("a picture ended the process that decoded it, with exit code %d", code)
        return f"broken: it ends the process that decodes it, with exit code {code}"


class Decoders:
    """So many decoders. Any thread may take one, and waits for it while all are in use."""

    def __init__(self, rules: ImportRules, number: int) -> None:
        self._all = [Decoder(rules) for _ in range(number)]
        # The last one first: the process of another may never be needed.
        self._idle: queue.LifoQueue[Decoder] = queue.LifoQueue()
        for decoder in self._all:
            self._idle.put(decoder)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for decoder in self._all:
            decoder.close()

    @contextmanager
    def one(self) -> Iterator[Decoder]:
        """Take a decoder for this block."""
        decoder = self._idle.get()
        try:
            yield decoder
        finally:
            self._idle.put(decoder)
