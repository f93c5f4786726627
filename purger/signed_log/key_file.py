"""Reads and writes the file of the key that signs the log.

Its first line is the key. Behind an empty line may stand the note by which the key before it names this one.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from takedown_base.secret_files import UnreadableSecretError, read_secret
from takedown_log.signed_note import NoteError, SignerKey


class UnusableKeyError(Exception):
    """The file holds no key. The message names the file and the reason, and nothing of the key."""


@dataclass(frozen=True, slots=True)
class LogKey:
    """A key with the note of its predecessor; None: it is the first of its log."""

    signer: SignerKey
    succession: str | None = None


def read_key(path: Path) -> LogKey:
    """Read the key in a file. Raises ``UnusableKeyError``."""
    try:
        text, _, note = read_secret(path).partition("\n\n")
        return LogKey(SignerKey.parse(text), f"{note}\n" if note else None)
    except (UnreadableSecretError, NoteError) as error:
        raise UnusableKeyError(f"{path}: {error}") from None


def write_key(path: Path, key: LogKey) -> None:
    """Write a key to a new file that only its owner can read. Raises ``OSError``, also where there is a file."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(key.signer.text() + "\n" + (f"\n{key.succession}" if key.succession else ""))
