"""Keeps the keys of the log in their order: one begins it, and each names the one that follows."""

from purger.signed_log.key_file import LogKey
from takedown_db.connection.lasting_connection import Connection
from takedown_log.key_chain import all_keys, follow_keys, name_next_key
from takedown_log.signed_note import NoteError, VerifierKey, open_note


class ForeignKeyError(Exception):
    """A key is not the last one of the log, and cannot become it. The message says why, and what to do."""


def read_notes(connection: Connection) -> list[str]:
    """Read the notes by which the log's keys followed each other, the oldest first."""
    return [bytes(note).decode() for (note,) in connection.rows("log_keys")]


def last_key(notes: list[str]) -> VerifierKey | None:
    """Return the key that signs the log now; None where none ever has. Raises ``ForeignKeyError``."""
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
        raise ForeignKeyError("another key has become that of the log at this moment")
    return bool(written)


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
