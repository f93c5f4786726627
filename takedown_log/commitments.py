"""Keeps personal data out of leaves: a leaf holds a salted hash in their place, and stays valid when they are erased.

The hash is SHA-256 of the salt, 16 random bytes, and the value in UTF-8. Without the salt nobody can find a value by
trying names.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

#: Bytes of a salt: too many to try them all.
_SALT_SIZE = 16


@dataclass(frozen=True, slots=True)
class Opening:
    """A value with the salt of its commitment: it shows that the leaf speaks of this value."""

    value: str
    salt: bytes

    @classmethod
    def of(cls, value: str) -> "Opening":
        """Choose a new salt for a value."""
        return cls(value, secrets.token_bytes(_SALT_SIZE))

    def commitment(self) -> str:
        """Return the commitment that stands in the leaf, in hex."""
        if len(self.salt) != _SALT_SIZE:
            raise ValueError(f"a salt has {_SALT_SIZE} bytes, not {len(self.salt)}")
        return sha256(self.salt + self.value.encode()).hexdigest()


def commit(values: Mapping[str, str]) -> tuple[list[str], dict[str, Opening]]:
    """Commit to values by their names. Returns the leaf's member ``committed``, and the openings to keep apart."""
    openings = {name: Opening.of(value) for name, value in values.items()}
    return [f"{name}:{openings[name].commitment()}" for name in sorted(openings)], openings
