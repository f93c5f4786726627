"""Writes what a checked file proves: as lines for a terminal, and as members of JSON."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from takedown_log.findings import ActFinding, EdgeFinding
from takedown_log.proof import VerifiedProof
from takedown_log.signed_note import Checkpoint

#: No proof can show these.
_NEVER = "Never proven: copies that browsers and other sites have kept, and what an edge showed at other times."

#: Stands for a value that was erased from the log.
ERASED = "(erased)"


@dataclass(frozen=True, slots=True)
class Checked:
    """A file that holds, with all that it proves. Only a proof of takedowns has a ``proof`` and a ``story``."""

    state: Checkpoint  # the later one of two
    earlier: Checkpoint | None = None
    proof: VerifiedProof | None = None
    story: tuple[ActFinding, ...] = ()
    held: tuple[Checkpoint, ...] = ()  # checkpoints of the reader's own that are among its states
    witnessed: tuple[tuple[str, datetime], ...] = ()  # names of witnesses, and when each saw the state

    @property
    def complete(self) -> bool:
        """Tell whether nothing is missing, such as an edge that has not acknowledged."""
        return not any(entry.lacking() for entry in self.story)

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


def one_line(text: str) -> str:
    """Escape each character that is not printable: no line of a report breaks, or commands a terminal."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)


def proof_lines(verified: VerifiedProof, story: tuple[ActFinding, ...]) -> Iterator[str]:
    """Write the lines of a proof that holds."""
    state = verified.checkpoint
    yield (
        f"VALID: {len(verified.hashes)} of the {state.size} leaves of the log {state.origin}, chosen at "
        f"{verified.made_at} as all that it tells of {verified.about}"
    )
    for entry in story:
        event = entry.event
        by = f"{event.account or ERASED}" + (f" for {event.person}" if event.person else "")
        subject = ERASED if event.subject is None else event.subject
        reason = f": {event.grounds}" if event.grounds else ""
        yield f"{event.at} {event.action} of {event.scope} {subject} by {by}{reason}"
        for edge in entry.edges:
            yield f"  {edge.edge}: acknowledged at {edge.acknowledged_at or 'no time'}, {_seen(edge)}"
        for line in entry.lacking():
            yield f"  Not proven: {line}"
    yield _NEVER


def _seen(edge: EdgeFinding) -> str:
    if edge.gone is None:
        return "not seen"
    if edge.gone is False:
        return f"SHOWN at {edge.seen_at}"
    part = "" if edge.images is None else f" at {edge.looked} of {edge.images} images"
    return f"seen gone{part} at {edge.seen_at}"


def proof_report(verified: VerifiedProof, story: tuple[ActFinding, ...]) -> dict[str, Any]:
    """Return the members of JSON for a proof that holds."""
    return {
        **state_report(verified.checkpoint),
        "about": verified.about,
        "made_at": verified.made_at,
        "events": [
            {
                **{name: getattr(entry.event, name) for name in entry.event.__slots__},
                "edges": [{name: getattr(edge, name) for name in edge.__slots__} for edge in entry.edges],
                "not_proven": list(entry.lacking()),
            }
            for entry in story
        ],
    }


def state_report(state: Checkpoint) -> dict[str, Any]:
    """Return the members of JSON for the state of a log."""
    return {"log": state.origin, "size": state.size, "root": state.root.hex()}
