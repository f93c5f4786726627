"""Hashes a file as the digest of an original is made, in parts: it may be larger than memory."""

import hashlib
import os
import stat
from pathlib import Path


class UnusableFileError(Exception):
    """A file cannot be hashed. The text names the file and the reason."""


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a regular file in hex. Raises ``UnusableFileError``."""
    try:
        # Without blocking: opening a named pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                raise UnusableFileError(f"{path} is not a regular file")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        finally:
            os.close(descriptor)
    except OSError as error:
        raise UnusableFileError(f"{path} cannot be read: {error.strerror or error}") from None
