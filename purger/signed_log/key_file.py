"""Reads and writes the file of the key that signs the log."""

import os
from pathlib import Path

from takedown_db.secret_files import UnreadableSecretError, read_secret
from takedown_log.signed_note import NoteError, SignerKey


class UnusableKeyError(Exception):
    """The file holds no key. The message names the file and the reason, and nothing of the key."""


def read_key(path: Path) -> SignerKey:
    """Read the key in a file. Raises ``UnusableKeyError``."""
    try:
        return SignerKey.parse(read_secret(path))
    except (UnreadableSecretError, NoteError) as error:
        raise UnusableKeyError(f"{path}: {error}") from None


def write_key(path: Path, signer: SignerKey) -> None:
    """Write a key to a new file that only its owner can read. Raises ``OSError``, also where there is a file."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(signer.text() + "\n")
