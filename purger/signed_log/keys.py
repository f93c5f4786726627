"""Keeps the keys that sign the log: a file holds the present one, and a table holds each key's note on its successor.

A log begins with one key. When that is to be replaced, the old key signs a note that names the new one, and the table
`log_keys` keeps these notes in their order: whoever has the public half of any key of the log can follow them to all
later ones. `purger key` writes a key to a file; a second one also gets the note of the first, behind an empty line. So
a purger that is started with the new file can hand the log over without the old key.
"""

import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from takedown_base.secret_files import UnreadableSecretError, exposure, read_secret
from takedown_db.connection.lasting_connection import Connection
from takedown_log.signed_note import (
    Checkpoint,
    NoteError,
    SignerKey,
    VerifierKey,
    all_keys,
    follow_keys,
    name_next_key,
    open_checkpoint,
    open_note,
)
from takedown_log.tree import EMPTY_ROOT

log = logging.getLogger(__name__)


class UnusableKeyError(Exception):
    """The file holds no key. The message names the file and the reason, and nothing of the key."""


class ForeignKeyError(Exception):
    """A key is not the log's last one, and cannot become it. The message has the reason and the remedy."""


class UnsignedEndError(Exception):
    """The log's key has not signed its last leaves. The message has the reason."""


@dataclass(frozen=True, slots=True)
class LogKey:
    """A key, with the note by which its predecessor names it; None: it is the first of its log."""

    signer: SignerKey
    succession: str | None = None


def read_key(path: Path) -> LogKey:
    """Read the key in a file, and warn of one that every user can read. Raises ``UnusableKeyError``."""
    if warning := exposure(path):
        log.warning("log key: %s", warning)
    try:
        text, _, note = read_secret(path).partition("\n\n")
        return LogKey(SignerKey.parse(text), f"{note}\n" if note else None)
    except (UnreadableSecretError, NoteError) as error:
        raise UnusableKeyError(f"{path}: {error}") from None


def write_key(path: Path, key: LogKey) -> None:
    """Write a key to a new file that only its owner can read. Raises ``OSError``, also if the file exists."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(key.signer.text() + "\n" + (f"\n{key.succession}" if key.succession else ""))


def read_notes(connection: Connection) -> list[str]:
    """Read the notes by which the log's keys followed each other, the oldest first."""
    return [bytes(note).decode(errors="replace") for (note,) in connection.rows("log_keys")]


def last_key(notes: list[str]) -> VerifierKey | None:
    """Return the key that signs the log now; None if none ever has. Raises ``ForeignKeyError``."""
    try:
        return all_keys(notes)[-1] if notes else None
    except NoteError as error:
        raise ForeignKeyError(f"the table log_keys has a note that no key of the log has signed: {error}") from None


def take_over(connection: Connection, key: LogKey) -> bool:
    """Make a key the log's last one, unless it is. Returns True if it has become so now. Raises ``ForeignKeyError``."""
    notes = read_notes(connection)
    last, own = last_key(notes), key.signer.verifier()
    if last == own:
        return False
    note = _first_note(connection, key) if last is None else _next_note(last, key)
    # The place decides between two keys that try at the same time: the database takes one row for each.
    written = connection.run("record_log_key", place=len(notes) + 1, note=note.encode())
    if last_key(read_notes(connection)) != own:
        raise ForeignKeyError("another key has become the log's own at this moment")
    return bool(written)


def signed_state(size: int, note: bytes | None, keys: Sequence[VerifierKey]) -> Checkpoint:
    """Return the state of a log of ``size`` leaves, whose last signed state is ``note``.

    Raises ``UnsignedEndError`` unless a key of the log has signed all of its leaves: whoever has the purger's database
    account can append, and no purger goes on from there.
    """
    try:
        state = Checkpoint("", 0, EMPTY_ROOT) if note is None else open_checkpoint(bytes(note).decode(), keys)
    except (NoteError, UnicodeDecodeError) as error:
        raise UnsignedEndError(f"its last state does not hold: {error}") from None
    if state.size != size:
        raise UnsignedEndError(
            f"somebody without its key has appended leaves: it has {size}, and {state.size} are signed"
        )
    return state


def _first_note(connection: Connection, key: LogKey) -> str:
    for (note,) in connection.rows("log_checkpoint"):
        try:
            open_note(bytes(note).decode(), [key.signer.verifier()])
        except NoteError:
            raise ForeignKeyError("the log was signed with another key before; put that one into the file") from None
    return name_next_key(key.signer, key.signer.verifier())


def _next_note(last: VerifierKey, key: LogKey) -> str:
    """Return the note by which the log's last key names this one."""
    own = key.signer.verifier()
    refusal = f"the log's key is {last}, and the one in the file is {own}, which that key has not signed"
    if key.succession is None or own.name != last.name:
        raise ForeignKeyError(f"{refusal}; make the next key by `purger key FILE --after OLD`")
    try:
        if follow_keys(last, [key.succession]) == [last, own]:
            return key.succession
    except NoteError as error:
        refusal = f"{refusal}: {error}"
    raise ForeignKeyError(refusal)
