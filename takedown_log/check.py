"""Checks any file of the log: a proof, a proof that the log has only grown, or a checkpoint alone."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from takedown_log.cosignature import WitnessKey, witnessed_at
from takedown_log.findings import Told, find
from takedown_log.growth import Growth, verify_growth
from takedown_log.json_file import ProofError
from takedown_log.key_chain import follow_keys
from takedown_log.proof import Proof, VerifiedProof, verify
from takedown_log.report import one_line, proof_lines, proof_report, state_report
from takedown_log.signed_note import Checkpoint, VerifierKey, open_note


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that holds, with all that it proves. Only a proof has a ``proof`` and a ``story``."""

    state: Checkpoint  # the later one of two
    earlier: Checkpoint | None = None
    proof: VerifiedProof | None = None
    story: tuple[Told, ...] = ()
    held: tuple[Checkpoint, ...] = ()  # checkpoints of the reader's own that are among its states
    witnessed: tuple[tuple[str, datetime], ...] = ()  # names of witnesses, and when each saw the state

    @property
    def complete(self) -> bool:
        """Tell whether nothing is missing, such as an edge that has not acknowledged."""
        return not any(told.lacking() for told in self.story)

    def lines(self) -> list[str]:
        """Write it for a terminal."""
        return [one_line(line) for line in (*self._lines(), *self._compared())]

    def _lines(self) -> Iterator[str]:
        state = self.state
        if self.proof:
            yield from proof_lines(self.proof, self.story)
        elif self.earlier:
            yield f"VALID: the log {state.origin} has only grown, from {self.earlier.size} leaves to {state.size}"
        else:
            yield f"VALID: a state of the log {state.origin}: {state.size} leaves, root {state.root.hex()}"

    def _compared(self) -> Iterator[str]:
        for each in self.held:
            yield f"Your checkpoint of {each.size} leaves is that of this log."
        for name, at in self.witnessed:
            yield f"Witness {name} saw the checkpoint of {self.state.size} leaves at {at:%Y-%m-%dT%H:%M:%SZ}."

    def report(self) -> dict[str, Any]:
        """Return it as the members of JSON."""
        members = proof_report(self.proof, self.story) if self.proof else state_report(self.state)
        if self.earlier:
            members["earlier"] = state_report(self.earlier)
        if self.witnessed:
            members["witnesses"] = {name: f"{at:%Y-%m-%dT%H:%M:%SZ}" for name, at in self.witnessed}
        return members


def check(text: str, key: VerifierKey, *, held: Sequence[str] = (), witnesses: Sequence[WitnessKey] = ()) -> Checked:
    """Check the text of a file by the log's public key. Raises ``ValueError``, which says what does not hold.

    Each checkpoint in ``held``, a signed note, must be one of the file's states, and each witness must have signed the
    last one.
    """
    note: str
    notes: Sequence[str]
    if not text.startswith("{"):
        note, notes = text, ()
        result = Checked(Checkpoint.parse(open_note(text, [key])))
    elif "consistency" in _members(text):
        growth = Growth.parse(text)
        note, notes = growth.later, growth.keys
        grown = verify_growth(growth, key)
        result = Checked(grown.later, grown.earlier)
    else:
        proof = Proof.parse(text)
        note, notes = proof.checkpoint, proof.keys
        verified = verify(proof, key)
        result = Checked(verified.checkpoint, proof=verified, story=find(verified))
    keys = follow_keys(key, notes)
    states = (result.state, *([result.earlier] if result.earlier else ()))
    return replace(
        result,
        held=tuple(_compare(Checkpoint.parse(open_note(each, keys)), states) for each in held),
        witnessed=tuple((witness.name, witnessed_at(note, witness)) for witness in witnesses),
    )


def _members(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProofError(f"the file is no proof: {error}") from None
    return document if isinstance(document, dict) else {}


def _compare(held: Checkpoint, states: Sequence[Checkpoint]) -> Checkpoint:
    """Return a checkpoint that is one of the states. Raises ``ProofError`` for any other."""
    if held in states:
        return held
    if any((held.origin, held.size) == (each.origin, each.size) for each in states):
        raise ProofError(f"the log was rewritten: your checkpoint of {held.size} leaves has another root")
    sizes = " and ".join(str(each.size) for each in states)
    raise ProofError(
        f"your checkpoint is of {held.size} leaves of the log {held.origin}, and the file speaks of {sizes} leaves of "
        f"{states[0].origin}: ask for a file that begins at your checkpoint"
    )
