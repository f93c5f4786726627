"""Examines, hashes and decodes pictures, as a program of its own: whatever is in one ends this process at worst.

``decoder_process`` runs it. Its standard input is a socket, on which each message is a job in JSON, with descriptors of
the files to read and to write; each job gets one message as its answer. The process lives within a limit of memory, and
where a picture takes more than its processor time the system ends the process.
"""

import hashlib
import json
import math
import os
import resource
import signal
import socket
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, BinaryIO, cast

from PIL import AvifImagePlugin

from origin.importing.decoder_process import LONGEST_MESSAGE, MOST_FILES
from origin.importing.metadata import MalformedPictureError, format_of, strip
from origin.importing.pictures import UnusablePictureError, decode
from origin.importing.renditions import Reduced
from takedown_base.content_names import Hashes

# One processor for a picture: its time is the limit, and each thread would take memory. Decoders run side by side.
AvifImagePlugin.DEFAULT_MAX_THREADS = 1

_NO_MEMORY = "it takes more memory than --max-bytes and --max-pixels allow for"


def main() -> None:
    """Do jobs until the other side closes. Arguments: bytes of memory, seconds of a job, bytes and pixels of a file."""
    memory, seconds, max_bytes, max_pixels = map(int, sys.argv[1:])
    # A service manager stops all processes of a service at once, and the picture in work still has to be finished.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    with socket.socket(fileno=sys.stdin.fileno()) as jobs:
        while True:
            message, descriptors, _, _ = socket.recv_fds(jobs, LONGEST_MESSAGE, MOST_FILES)
            if not message:
                return
            _allow_time(seconds)
            jobs.send(json.dumps(_do(json.loads(message), descriptors, max_bytes, max_pixels)).encode())


def _allow_time(seconds: int) -> None:
    """Let the system end this process once it has taken so many seconds more of processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit = math.ceil(used.ru_utime + used.ru_stime) + seconds
    resource.setrlimit(resource.RLIMIT_CPU, (limit, resource.RLIM_INFINITY))


def _do(job: dict[str, Any], descriptors: Sequence[int], max_bytes: int, max_pixels: int) -> dict[str, Any]:
    """Do one job. The answer of a refusal is its reason, and whether the file is a picture at all."""
    with ExitStack() as closing:
        modes = ["rb", *["r+b"] * (len(descriptors) - 1)]
        files = [closing.enter_context(os.fdopen(*each)) for each in zip(descriptors, modes, strict=True)]
        source, *targets = cast(list[BinaryIO], files)
        source.seek(0)
        try:
            if "strip" in job:
                return _examine(source, targets[0], max_bytes, strip_metadata=job["strip"])
            wanted = [Reduced(*reduced) for reduced in job["renditions"]]
            return decode(source, job["format"], [*zip(wanted, targets, strict=True)], max_pixels, load=job["load"])
        except UnusablePictureError as error:
            return {"refused": str(error), "picture": True}
        except OSError as error:
            return {"refused": f"cannot be read: {error.strerror}", "picture": True}
        except MemoryError:
            return {"refused": _NO_MEMORY, "picture": True}


def _examine(source: BinaryIO, target: BinaryIO, max_bytes: int, *, strip_metadata: bool) -> dict[str, Any]:
    """Copy a picture, without its metadata if so asked. Returns its format, names, and digest and size of the copy."""
    size = os.fstat(source.fileno()).st_size
    if size > max_bytes:  # it grew
        return {"refused": f"more than {max_bytes} bytes", "picture": True}
    data = source.read(size)  # by its size, since as much memory is reserved as is asked for
    format_ = format_of(data)
    if format_ is None:
        return {"refused": "not a JPEG, PNG, GIF, WebP or AVIF picture", "picture": False}
    canonical, hashes = hashlib.sha256(), Hashes()
    hashes.update(data)
    try:
        for piece in strip(data, format_):
            canonical.update(piece)
            if strip_metadata:
                target.write(piece)
    except MalformedPictureError as error:
        if strip_metadata:
            reason = f"its metadata cannot be found, and so not taken out ({error})"
            return {"refused": f"{reason}: --metadata keep takes it as it is, if it can be decoded", "picture": True}
        canonical = hashlib.sha256(data)
    if not strip_metadata:
        target.write(data)
    names = hashes.names(canonical.hexdigest())
    digest = names.canonical if strip_metadata else names.sha256
    return {"format": format_, "digest": digest, "size": target.tell(), "names": names}


if __name__ == "__main__":
    main()
