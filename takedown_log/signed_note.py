"""Signs texts, and checks their signatures: checkpoints, the keys of a log, and the cosignatures of witnesses.

All signatures are Ed25519. A note is a text that ends in a newline, an empty line, and a line for each signature: an em
dash, the key's name, and in base64 the key's id (4 bytes) and the signature (c2sp.org/signed-note). Three kinds of
texts are signed:

- A *checkpoint* (c2sp.org/tlog-checkpoint) is the state of a log: its name, the number of its leaves and the root.
- A *key note* names the key that replaces the one that has signed it. The first key of a log has signed its own note.
- A *cosignature* (c2sp.org/tlog-cosignature) is the signature of a witness on a checkpoint. A witness has seen that the
  log grew from each state that it signed to the next, and says when it saw this one.
"""

import binascii
from base64 import b64decode, b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from takedown_log.tree import HASH_SIZE

#: The kind of signature: Ed25519 (c2sp.org/signed-note, "Signature types").
_ED25519 = b"\x01"

#: Bytes of a key of Ed25519, public or private (RFC 8032, 5.1.5).
_KEY_SIZE = 32

#: Most bytes of a note, and most signatures, as in Go.
_LARGEST_NOTE, _MOST_SIGNATURES = 1_000_000, 100

_PRIVATE = "PRIVATE+KEY+"
_SIGNATURE = "\u2014 "


class NoteError(ValueError):
    """A note, a checkpoint or a key that is malformed, or signed by none of the keys. The message has the reason."""


@dataclass(frozen=True)
class VerifierKey:
    """A public key with its name, as the text ``name+id+key``."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a verifier key. Raises ``NoteError``."""
        name, key_id, data = _fields(text.strip(), "verifier key")
        key = cls(name, data)
        if key_id != key.id.hex():
            raise NoteError(f"the verifier key {name!r} has another id than its bytes: it was copied wrongly")
        return key

    @property
    def id(self) -> bytes:
        """Return the key's id, 4 bytes: it chooses the key for a signature and protects nothing."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(_ED25519 + self.public).decode()}"


@dataclass(frozen=True)
class SignerKey:
    """A private key with its name, as the text ``PRIVATE+KEY+name+id+key``. Nothing of it is in its ``repr``."""

    name: str
    _seed: bytes

    def __repr__(self) -> str:
        return f"SignerKey({self.name!r})"

    @classmethod
    def generate(cls, name: str) -> Self:
        """Make a new key. Raises ``NoteError`` for a name that no note can hold."""
        _check_name(name)
        return cls(name, Ed25519PrivateKey.generate().private_bytes_raw())

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a signer key. Raises ``NoteError``, which shows nothing of the key."""
        text = text.strip()
        if not text.startswith(_PRIVATE):
            raise NoteError(f"no signer key: it must begin with {_PRIVATE}")
        name, key_id, data = _fields(text.removeprefix(_PRIVATE), "signer key")
        key = cls(name, data)
        if key_id != key.verifier().id.hex():
            raise NoteError(f"the signer key {name!r} has another id than its bytes: it was copied wrongly")
        return key

    def text(self) -> str:
        """Return the key as a text to keep in a file that nobody else can read."""
        return f"{_PRIVATE}{self.name}+{self.verifier().id.hex()}+{b64encode(_ED25519 + self._seed).decode()}"

    def verifier(self) -> VerifierKey:
        """Return the public key."""
        return VerifierKey(self.name, Ed25519PrivateKey.from_private_bytes(self._seed).public_key().public_bytes_raw())

    def sign(self, text: str) -> str:
        """Make a note of a text, which must end in a newline. Raises ``NoteError``."""
        if not text.endswith("\n") or any(character < " " and character != "\n" for character in text):
            raise NoteError("a note's text must end in a newline and have no other control character")
        signature = Ed25519PrivateKey.from_private_bytes(self._seed).sign(text.encode())
        line = b64encode(self.verifier().id + signature).decode()
        return f"{text}\n{_SIGNATURE}{self.name} {line}\n"


def open_note(note: str, keys: Iterable[VerifierKey]) -> str:
    """Return the text of a note that one of the keys has signed. Raises ``NoteError`` if none has, or one wrongly.

    Signatures by other keys, such as those of witnesses, are passed over. What Go's golang.org/x/mod/sumdb/note refuses
    is refused here too: nobody can hand out a note that is valid for one reader and not for another.
    """
    text, signatures = read_signatures(note)
    known = {(key.name, key.id): key for key in keys}
    signers = [(known[name, key_id], signature) for name, key_id, signature in signatures if (name, key_id) in known]
    for key, signature in signers:
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
        except InvalidSignature:
            raise NoteError(f"the signature of {key.name!r} is not that of this text") from None
    if not signers:
        raise NoteError("the note is signed by none of the keys")
    return text


def read_signatures(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """Split a note into its text and its signatures: name, key id and signature of each, not verified.

    Raises ``NoteError``.
    """
    if len(note.encode(errors="replace")) > _LARGEST_NOTE or any(char < " " and char != "\n" for char in note):
        raise NoteError(f"no signed note: it has more than {_LARGEST_NOTE} bytes, or a control character")
    text, mark, signatures = note.rpartition("\n\n")
    if not mark or not signatures.endswith("\n") or not signatures.startswith(_SIGNATURE):
        raise NoteError("no signed note: it must end in an empty line and lines of signatures")
    lines = signatures.removesuffix("\n").split("\n")
    if len(lines) > _MOST_SIGNATURES:
        raise NoteError(f"no signed note: it has {len(lines)} signatures, more than {_MOST_SIGNATURES}")
    return f"{text}\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, _, data = line.removeprefix(_SIGNATURE).partition(" ")
    signature = _decoded(data)
    if not line.startswith(_SIGNATURE) or not _is_name(name) or signature is None or len(signature) < 5:
        raise NoteError(f"a line of signatures is malformed: {line!r}")
    return name, signature[:4], signature[4:]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The state of a log: its name, the number of its leaves and the root over all of them."""

    origin: str
    size: int
    root: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a checkpoint's text, from a note that was opened. Lines after the third are extensions, none is empty.

        Raises ``NoteError``.
        """
        origin, *rest = text.split("\n")
        if len(rest) < 3 or rest[-1] or not all((origin, *rest[:-1])):
            raise NoteError("no checkpoint: it must have lines with the log's name, its size and its root")
        size, root = rest[0], _decoded(rest[1])
        if not (size.isascii() and size.isdecimal()) or str(int(size)) != size:
            raise NoteError(f"the checkpoint's size is no number: {size!r}")
        if root is None or len(root) != HASH_SIZE:
            raise NoteError("the checkpoint's root is no hash in base64")
        return cls(origin, int(size), root)

    def text(self) -> str:
        """Return the text to sign."""
        return f"{self.origin}\n{self.size}\n{b64encode(self.root).decode()}\n"


def open_checkpoint(note: str, keys: Iterable[VerifierKey]) -> Checkpoint:
    """Return the checkpoint in a note that one of the keys has signed, as the log that the key is named after.

    Raises ``NoteError``.
    """
    known = list(keys)
    checkpoint = Checkpoint.parse(open_note(note, known))
    if checkpoint.origin not in {key.name for key in known}:
        names = " or ".join(sorted({repr(key.name) for key in known}))
        raise NoteError(f"the checkpoint is of the log {checkpoint.origin!r}, and the key is that of {names}")
    return checkpoint


def _fields(text: str, kind: str) -> tuple[str, str, bytes]:
    """Split a key's text into its name, its id in hex and its 32 bytes."""
    name, _, rest = text.partition("+")
    key_id, _, encoded = rest.partition("+")
    data = _decoded(encoded)
    if data is None or len(data) != 1 + _KEY_SIZE or data[:1] != _ED25519:
        raise NoteError(f"no {kind} of Ed25519: it must be name+id+key")
    _check_name(name)
    return name, key_id, data[1:]


def _is_name(name: str) -> bool:
    return bool(name) and "+" not in name and not any(map(str.isspace, name))


def _check_name(name: str) -> None:
    if not _is_name(name) or not name.isprintable():
        raise NoteError(f"a key's name must be without spaces and +: {name!r}")


def _decoded(text: str) -> bytes | None:
    """Decode base64 in its one valid form for these bytes, so that no bit of it can be changed unseen."""
    try:
        data = b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if b64encode(data).decode() == text else None


#: The first line of a note that names a key.
_TITLE = "takedown-log next key v1"


def name_next_key(signer: SignerKey, following: VerifierKey) -> str:
    """Sign the note that names the next key."""
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


#: The kind of signature: a cosignature of Ed25519, with a time.
_COSIGNATURE = b"\x04"

#: Bytes of the time, and of time and signature.
_TIME_SIZE, _SIZE = 8, 72


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """The public key of a witness with its name, as the text ``name+id+key``."""

    name: str
    public: bytes

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the key of a witness. Raises ``NoteError``."""
        name, _, rest = text.strip().partition("+")
        _, _, encoded = rest.partition("+")
        try:
            data = b64decode(encoded, validate=True)
        except ValueError:
            data = b""
        key = cls(name, data[1:])
        if len(data) != 33 or data[:1] != _COSIGNATURE or str(key) != text.strip():
            raise NoteError(f"no key of a witness: it must be name+id+key, for cosignatures of Ed25519: {text!r}")
        return key

    @property
    def id(self) -> bytes:
        """Return the key's id, 4 bytes."""
        return sha256(self.name.encode() + b"\n" + _COSIGNATURE + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(_COSIGNATURE + self.public).decode()}"


def witnessed_at(note: str, witness: WitnessKey) -> datetime:
    """Return when a witness saw a checkpoint, by its own clock in UTC. Raises ``NoteError`` if it has not signed it."""
    text, signatures = read_signatures(note)
    for name, key_id, signature in signatures:
        if (name, key_id) == (witness.name, witness.id) and len(signature) == _SIZE:
            seconds = int.from_bytes(signature[:_TIME_SIZE])
            message = f"cosignature/v1\ntime {seconds}\n{text}".encode()
            try:
                Ed25519PublicKey.from_public_bytes(witness.public).verify(signature[_TIME_SIZE:], message)
                return datetime.fromtimestamp(seconds, UTC)
            except InvalidSignature:
                raise NoteError(f"the signature of the witness {witness.name} is not that of this checkpoint") from None
            except (ValueError, OverflowError):
                raise NoteError(f"the witness {witness.name} names an impossible time") from None
    raise NoteError(f"the witness {witness.name} has not signed the checkpoint")
