"""Reads the cosignatures of witnesses on a checkpoint, as C2SP defines them: c2sp.org/tlog-cosignature.

A witness has seen that the log grew from each state that it signed to the next, and says when it saw this one.
"""

from base64 import b64decode, b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from takedown_log.signed_note import NoteError, read_signatures

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
