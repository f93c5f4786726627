"""Checks any file of the log: a proof of takedowns, a proof that the log has only grown, or a checkpoint."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from takedown_log.findings import find
from takedown_log.page import write_page
from takedown_log.proof import Growth, Proof, ProofError, verify, verify_growth
from takedown_log.report import Checked
from takedown_log.signed_note import Checkpoint, VerifierKey, WitnessKey, follow_keys, open_checkpoint, witnessed_at


def check(text: str, key: VerifierKey, *, held: Sequence[str] = (), witnesses: Sequence[WitnessKey] = ()) -> Checked:
    """Check the text of a file by the log's public key. Raises ``ValueError`` with the reason if it does not hold.

    Each checkpoint in ``held``, a signed note, must be one of the file's states, and each witness must have signed the
    last one.
    """
    note: str
    notes: Sequence[str]
    if not text.startswith("{"):
        note, notes = text, ()
        result = Checked(open_checkpoint(text, [key]))
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
        held=tuple(_compare(open_checkpoint(each, keys), states) for each in held),
        witnessed=tuple((witness.name, witnessed_at(note, witness)) for witness in witnesses),
    )


def check_file(
    file: Path, key: str, *, held: Iterable[Path] = (), witnesses: Iterable[str] = (), page: Path | None = None
) -> Checked:
    """Check a file by the log's public key as ``check`` does, and write its page if one is wanted.

    ``held`` are files with checkpoints, ``witnesses`` public keys. Raises ``ValueError``, with the reason if it
    does not hold, and ``OSError``.
    """
    content = file.read_bytes()
    checked = check(
        content.decode(),
        VerifierKey.parse(key),
        held=[each.read_text(encoding="utf-8") for each in held],
        witnesses=[WitnessKey.parse(each) for each in witnesses],
    )
    if page:
        text = write_page(checked, key=key, name=file.name, content=content, at=datetime.now(UTC))
        page.write_text(text, encoding="utf-8")
    return checked


def _members(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProofError(f"the file is no proof: {error}") from None
    return document if isinstance(document, dict) else {}


def _compare(held: Checkpoint, states: Sequence[Checkpoint]) -> Checkpoint:
    """Return a checkpoint that is one of the states. Raises ``ProofError`` if it is none of them."""
    if held in states:
        return held
    if any((held.origin, held.size) == (each.origin, each.size) for each in states):
        raise ProofError(f"the log was rewritten: your checkpoint of {held.size} leaves has another root")
    sizes = " and ".join(str(each.size) for each in states)
    raise ProofError(
        f"your checkpoint is of {held.size} leaves of the log {held.origin}, and the file speaks of {sizes} leaves of "
        f"{states[0].origin}: ask for a file that begins at your checkpoint"
    )
