"""Define one input of the fuzzer, and read and write it as a file that can be replayed."""

import json
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

#: Stands for the token of edge or door in cases: each stack has another one, and files of cases hold no secret.
TOKEN = b"@TOKEN@"


class Target(StrEnum):
    """A listener of the stack."""

    EDGE = "edge"
    ORIGIN = "origin"
    PURGE = "purge"
    DOOR = "door"


@dataclass(frozen=True, slots=True)
class Case:
    """The bytes of one connection.

    ``cuts`` are offsets at which sending pauses for a moment. ``aborted`` resets the connection without reading.
    ``most_answers`` bounds the answers, where RFC 9112 bounds the requests that a server may see in the bytes.
    """

    target: Target
    seed: int
    number: int
    data: bytes
    cuts: tuple[int, ...] = ()
    aborted: bool = False
    most_answers: int | None = None

    def parts(self, token: str) -> list[bytes]:
        """Return the bytes in pieces to send one by one, with the listener's token instead of ``TOKEN``."""
        data = self.data.replace(TOKEN, token.encode())
        edges = [0, *sorted(cut % (len(data) + 1) for cut in self.cuts), len(data)]
        return [data[start:end] for start, end in pairwise(edges) if start < end]

    def write(self, path: Path, verdict: str) -> None:
        """Write the case and its verdict as JSON; each byte becomes the character with its number."""
        fields = {
            "verdict": verdict,
            "target": self.target,
            "seed": self.seed,
            "number": self.number,
            "cuts": self.cuts,
            "aborted": self.aborted,
            "most_answers": self.most_answers,
            "data": self.data.decode("latin-1"),
        }
        path.write_text(json.dumps(fields, indent=1) + "\n")


def read(path: Path) -> Case:
    """Read a case that ``Case.write`` wrote. Raises ``ValueError`` when the file holds something else."""
    try:
        fields = json.loads(path.read_text())
        return Case(
            target=Target(fields["target"]),
            seed=int(fields["seed"]),
            number=int(fields["number"]),
            data=fields["data"].encode("latin-1"),
            cuts=tuple(map(int, fields["cuts"])),
            aborted=bool(fields["aborted"]),
            most_answers=fields["most_answers"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} holds no case of the fuzzer: {error!r}") from error
