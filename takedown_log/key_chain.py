"""Follows a log's keys from one to the next: a note names each, signed by the key before it.

The first key has signed the note that names itself.
"""

from collections.abc import Iterable

from takedown_log.signed_note import NoteError, SignerKey, VerifierKey, open_note

#: The first line of a note that names a key.
_TITLE = "takedown-log next key v1"


def name_next_key(signer: SignerKey, following: VerifierKey) -> str:
    """Sign the note by which a key is replaced by another."""
    return signer.sign(f"{_TITLE}\n{following}\n")


def named_key(note: str) -> VerifierKey:
    """Return the key that a note names, whoever has signed it. Raises ``NoteError``."""
    title, _, following = note.partition("\n\n")[0].partition("\n")
    if title != _TITLE:
        raise NoteError("a note among the keys names no key")
    return VerifierKey.parse(following)


def follow_keys(key: VerifierKey, notes: Iterable[str]) -> list[VerifierKey]:
    """Return a key and those that followed it. Notes of keys before it are passed over. Raises ``NoteError``."""
    keys = [key]
    for note in notes:
        try:
            open_note(note, keys[-1:])
        except NoteError:
            if len(keys) > 1:
                raise
            continue
        keys.append(named_key(note))
    return keys


def all_keys(notes: Iterable[str]) -> list[VerifierKey]:
    """Return the keys of a whole log, the oldest first. Raises ``NoteError`` unless each has signed the next."""
    texts = list(notes)
    if not texts:
        return []
    first = named_key(texts[0])
    open_note(texts[0], [first])
    keys = follow_keys(first, texts[1:])
    if len(keys) != len(texts):
        raise NoteError(f"the key {named_key(texts[1])} was not named by the one before it")
    return keys
