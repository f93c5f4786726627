"""Changes a proof at random, once each, and tells which change no check has found.

``python -m tests.support.log.changed_proofs 10000 [SEED]`` makes as many changes, and prints how many of each kind.
"""

import base64
import json
import random
import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

from takedown_log.findings import find
from takedown_log.leaves import Members
from takedown_log.proof import Proof, ProofError, verify
from takedown_log.signed_note import SignerKey, VerifierKey, name_next_key
from takedown_log.tree import leaf_hash
from tests.support.log.proof_log import MemoryLog

_TIME = "2026-11-26T12:00:0{}.000000Z"

_Document = dict[str, Any]


class ChangedProofs:
    """A proof of a ban at two edges in a log of some hundred leaves, and another log that the same key has signed."""

    def __init__(self, chooser: random.Random) -> None:
        self._chooser = chooser
        signer = SignerKey.generate("images.example/takedowns")
        self._log, self._places = _takedown(MemoryLog(signer), "kX3_vQ")
        former = SignerKey.generate(signer.name)
        # Whoever has the last key passes over the notes before it.
        self._log.keys = [name_next_key(former, former.verifier()), name_next_key(former, signer.verifier())]
        other, places = _takedown(MemoryLog(signer), "another")
        stranger, _ = _takedown(MemoryLog(), "kX3_vQ")
        self.key: VerifierKey = signer.verifier()
        self.text = self._log.prove(*self._places).text()
        self._other = json.loads(other.prove(*places).text())
        self._checkpoints = [
            other.checkpoint(),
            stranger.checkpoint(),
            _takedown(MemoryLog(signer), "x")[0].checkpoint(),
        ]

    @property
    def ways(self) -> dict[str, Callable[[_Document], object]]:
        """Return the changes of the file's content, by name."""
        return {
            "a value": self._value,
            "a leaf left out": lambda document: document["leaves"].pop(self._leaf(document)),
            "a leaf doubled": self._doubled,
            "two leaves swapped": self._swapped,
            "a leaf of another log": self._foreign_leaf,
            "another place": self._place,
            "a hash of a path": self._path,
            "a hash left out of a path": self._path_left_out,
            "a value opened otherwise": self._opening,
            "an opening left out": self._opening_left_out,
            "openings of another leaf": self._openings_swapped,
            "a receipt left out": lambda document: self._receipts(document).pop(),
            "two receipts swapped": lambda document: self._receipts(document).reverse(),
            "receipts of another leaf": self._receipts_moved,
            "a hash of a receipt's path": lambda document: self._changed_hash(self._receipts(document)[0]["path"]),
            "a checkpoint of another log": lambda document: document.update(
                checkpoint=self._chooser.choice(self._checkpoints)
            ),
            "a statement of another proof": lambda document: document.update(statement=self._other["statement"]),
            "a note of a key left out": lambda document: document["keys"].pop(self._chooser.randrange(2)),
            "a note of a key doubled": lambda document: document["keys"].append(document["keys"][0]),
            "another key": lambda document: document["keys"].insert(
                self._chooser.randrange(3), self._other["statement"]
            ),
        }

    def change(self) -> tuple[str, bytes]:
        """Change the proof once: return the name of the way, and the file."""
        name = self._chooser.choice(["a bit", *self.ways])
        if name == "a bit":
            changed = bytearray(self.text.encode())
            changed[self._chooser.randrange(len(changed))] ^= 1 << self._chooser.randrange(8)
            return name, bytes(changed)
        document = json.loads(self.text)
        self.ways[name](document)
        return name, (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()

    def holds(self, file: bytes) -> bool:
        """Tell whether a file passes all checks."""
        try:
            find(verify(Proof.parse(file.decode()), self.key))
        except (ProofError, UnicodeDecodeError):
            return False
        return True

    def _leaf(self, document: _Document) -> int:
        return self._chooser.randrange(len(document["leaves"]))

    def _value(self, document: _Document) -> None:
        """Change one text or number anywhere."""
        node: Any = document
        while True:
            key: Any = self._chooser.choice(sorted(node) if isinstance(node, dict) else range(len(node)))
            child = node[key]
            if isinstance(child, dict | list):
                if child:
                    node = child
                    continue
                node[key] = ["x"] if isinstance(child, list) else {"reason": {"salt": "00" * 16, "value": "x"}}
            elif isinstance(child, int):
                node[key] = child + self._chooser.choice((-1, 1))
            else:
                at = self._chooser.randrange(len(child) + 1)
                node[key] = child[:at] + self._chooser.choice("xyz") + child[at + 1 :]
            return

    def _doubled(self, document: _Document) -> None:
        at = self._leaf(document)
        document["leaves"].insert(self._leaf(document), document["leaves"][at])

    def _swapped(self, document: _Document) -> None:
        one, other = self._chooser.sample(range(len(document["leaves"])), 2)
        leaves = document["leaves"]
        leaves[one], leaves[other] = leaves[other], leaves[one]

    def _foreign_leaf(self, document: _Document) -> None:
        document["leaves"][self._leaf(document)] = self._chooser.choice(self._other["leaves"])

    def _place(self, document: _Document) -> None:
        document["leaves"][self._leaf(document)]["index"] += self._chooser.choice((-1, 1, 2))

    def _path(self, document: _Document) -> None:
        self._changed_hash(document["leaves"][self._leaf(document)]["path"])

    def _changed_hash(self, path: list[str]) -> None:
        at = self._chooser.randrange(len(path))
        changed = bytearray(base64.b64decode(path[at]))
        changed[self._chooser.randrange(32)] ^= 1 << self._chooser.randrange(8)
        path[at] = base64.b64encode(changed).decode()

    def _path_left_out(self, document: _Document) -> None:
        path = document["leaves"][self._leaf(document)]["path"]
        del path[self._chooser.randrange(len(path))]

    def _receipts(self, document: _Document) -> list[_Document]:
        chosen: _Document = self._chooser.choice([leaf for leaf in document["leaves"] if "receipts" in leaf])
        receipts: list[_Document] = chosen["receipts"]
        return receipts

    def _receipts_moved(self, document: _Document) -> None:
        ban, lift = (leaf for leaf in document["leaves"] if '"kind":"acknowledged"' in leaf["leaf"])
        ban["receipts"], lift["receipts"] = lift["receipts"], ban["receipts"]

    def _opened(self, document: _Document) -> _Document:
        openings: _Document = self._chooser.choice([leaf for leaf in document["leaves"] if leaf["openings"]])[
            "openings"
        ]
        return openings

    def _opening(self, document: _Document) -> None:
        openings = self._opened(document)
        openings[self._chooser.choice(sorted(openings))]["value"] += "x"

    def _opening_left_out(self, document: _Document) -> None:
        openings = self._opened(document)
        del openings[self._chooser.choice(sorted(openings))]

    def _openings_swapped(self, document: _Document) -> None:
        ban, lift = (leaf for leaf in document["leaves"] if leaf["openings"])
        ban["openings"], lift["openings"] = lift["openings"], ban["openings"]


def _takedown(log: MemoryLog, code: str) -> tuple[MemoryLog, list[int]]:
    """Write a ban and a lift of a code at two edges between other leaves; return the places of those that tell so."""
    edges = log.append({"kind": "edges", "at": _TIME.format(0), "names": ["edge1", "edge2"]})
    listed = leaf_hash(log.leaves[edges].encode()).hex()
    places = [edges]
    for batch in range(1, 30):
        own = batch in (7, 19)
        chosen = [
            log.append(
                {"kind": "batch", "batch": batch, "identity": "i", "at": _TIME.format(1), "rows": 1, "edges": listed}
            )
        ]
        subject = code if own else f"other-{batch}"
        values = {
            "subject": subject,
            "account": "desk@site",
            "banned_by": "Ann",
            "reason": f"court order {batch} \u00e9",
        }
        event: dict[str, str | int] = {
            "kind": "event",
            "event": batch,
            "scope": "image",
            "at": _TIME.format(1),
            "ban": 7,
            "row": batch,
            "batch": batch,
        }
        chosen.append(log.append({**event, "action": "lift" if batch == 19 else "ban"}, values))
        told: Members = {"kind": "acknowledged", "first": batch, "last": batch, "method": "purge", "instance": "v1"}
        seen: Members = {"kind": "seen", "row": batch, "status": 410, "gone": "yes"}
        for answer, second in ((told, 2), (seen, 3)):
            at = _TIME.format(second)
            chosen.append(log.append_receipts(*({**answer, "edge": edge, "at": at} for edge in ("edge1", "edge2"))))
        places += chosen if own else []
    return log, places


def main() -> None:
    """Make as many changes as the command line says, and print the result."""
    number = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    proofs = ChangedProofs(random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1))
    made, missed = Counter[str](), list[tuple[str, str]]()
    while made.total() < number:
        name, file = proofs.change()
        if file == proofs.text.encode():
            continue  # the same letter, or the same leaf
        made[name] += 1
        if proofs.holds(file):
            missed.append((name, file.decode()))
    for name, count in sorted(made.items()):
        sys.stdout.write(f"{count:6} {name}\n")
    sys.stdout.write(f"{made.total():6} changes, {len(missed)} not found: {Counter(name for name, _ in missed)}\n")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
