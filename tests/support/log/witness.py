"""Sign checkpoints as a witness does: c2sp.org/tlog-cosignature."""

from base64 import b64encode
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from takedown_log.signed_note import WitnessKey


class Witness:
    """A witness that signs whatever it is given."""

    def __init__(self, name: str, private: Ed25519PrivateKey | None = None) -> None:
        self.private = private or Ed25519PrivateKey.generate()
        self.key = WitnessKey(name, self.private.public_key().public_bytes_raw())

    def cosign(self, note: str, at: datetime, *, flip: int | None = None) -> str:
        """Add a line to a note. ``flip``: change this bit of id, time and signature."""
        text, seconds = note.partition("\n\n")[0], int(at.timestamp())
        signature = self.private.sign(f"cosignature/v1\ntime {seconds}\n{text}\n".encode())
        data = bytearray(self.key.id + seconds.to_bytes(8) + signature)
        if flip is not None:
            data[flip // 8] ^= 1 << flip % 8
        return f"{note}\u2014 {self.key.name} {b64encode(data).decode()}\n"
