"""Reads secrets (a database URL, a password, a token) from files."""

import os
import re
import stat
from pathlib import Path

from takedown_base.printable import printable

#: Bytes of the longest secret that is read. A larger file was not written to hold one.
LONGEST = 4096

#: The pattern of a Bearer token (RFC 6750, section 2.1). No URL is one, so no file with a database URL is taken
#: for a token file.
TOKEN = r"[A-Za-z0-9._~+/-]+=*"  # noqa: S105 (a pattern)

#: Tokens that may be valid at a time: the present one, and the one before or after it.
_MOST_TOKENS = 2


class UnreadableSecretError(ValueError):
    """A file cannot be read as a secret. The message names the file and the reason, and nothing of its content.

    Paths may come from the table `edges`, so the message is escaped.
    """

    def __init__(self, text: str) -> None:
        super().__init__(printable(text))


def read_secret(path: Path, longest: int = LONGEST) -> str:
    """Read the text of a file of at most ``longest`` bytes of UTF-8, without the line breaks at its end.

    Raises ``UnreadableSecretError``, also for anything but a regular file: opening a pipe could wait for ever.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnreadableSecretError(f"{path} is not a regular file")
            content = file.read(longest + 1)
    except (OSError, ValueError) as error:
        if isinstance(error, UnreadableSecretError):
            raise
        raise UnreadableSecretError(f"{path} cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if len(content) > longest:
        raise UnreadableSecretError(f"{path} is longer than {longest:,} bytes")
    try:
        text = content.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise UnreadableSecretError(f"{path} is not UTF-8 text") from None
    if not text:
        raise UnreadableSecretError(f"{path} is empty")
    return text


def read_tokens(path: Path) -> list[str]:
    """Read the one or two tokens of a file, one a line. Raises ``UnreadableSecretError``."""
    tokens = [line.strip() for line in read_secret(path).splitlines()]
    if len(tokens) > _MOST_TOKENS or not all(re.fullmatch(TOKEN, token) for token in tokens):
        raise UnreadableSecretError(
            f"{path} is not one or two lines of a token each (letters, digits and . _ ~ + / - =)"
        )
    return tokens


def exposure(path: Path) -> str | None:
    """Warn of a secret's file that every user can read, and name the command that ends it; None for a private file."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return None
    if mode & stat.S_IROTH:
        return printable(f"every user of this machine can read {path}: chmod o-rwx it")
    return None
