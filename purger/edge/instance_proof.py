"""Tells whether an answer of a public listener comes from one instance, whose purge listener has named itself.

Another edge may answer at the public URL of an edge, or a cache before it. So each request asks a question that needs
the edge's token and instance, and only this instance answers it (``varnish/takedown/probe.vcl``).
"""

import hashlib
from dataclasses import dataclass, field
from secrets import token_hex

#: The header of question and answer.
HEADER = "Takedown-Probe"


@dataclass(frozen=True, slots=True)
class InstanceProof:
    """The secrets that one instance of an edge shares with the purger."""

    token: str = field(repr=False)
    instance: str

    def question(self) -> str:
        """Make the question for one request. No other has the same, so that no stored answer fits."""
        nonce = token_hex(16)
        return f"{nonce}-{self._hash(nonce, 1)}-{self._hash(nonce, 2)}"

    def answer(self, question: str) -> str:
        """Return the answer to ``question``."""
        nonce = question.partition("-")[0]
        return f"{self._hash(nonce, 3)}-{self._hash(nonce, 4)}"

    def _hash(self, nonce: str, number: int) -> int:
        """Hash as Varnish's ``shard.key()``: the last four bytes of a SHA-256, the lowest first."""
        text = f"{self.token} {self.instance} {nonce} {number}"
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[-4:], "little")
