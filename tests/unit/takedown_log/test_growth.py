"""Prove that a log has only grown, and change files, logs, keys and witnesses."""

import json
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from takedown_log.check import check
from takedown_log.proof import Growth, ProofError, verify_growth
from takedown_log.signed_note import (
    Checkpoint,
    NoteError,
    SignerKey,
    WitnessKey,
    all_keys,
    name_next_key,
    open_note,
    witnessed_at,
)
from takedown_log.tree import consistency_proof
from tests.support.log.proof_log import ORIGIN, MemoryLog
from tests.support.log.witness import Witness

KEY = SignerKey.generate(ORIGIN)


def grown(log: MemoryLog, leaves: int) -> Growth:
    """Add leaves to a log, and prove that it has only grown meanwhile."""
    earlier, before = log.checkpoint(), len(log.leaves)
    for number in range(leaves):
        log.append({"kind": "batch", "batch": number})
    path = consistency_proof(before, len(log.leaves), log.read)
    return Growth(earlier, log.checkpoint(), tuple(log.keys), tuple(path))


def log_of(leaves: int, signer: SignerKey = KEY) -> MemoryLog:
    log = MemoryLog(signer)
    for number in range(leaves):
        log.append({"kind": "batch", "batch": number})
    return log


@pytest.mark.parametrize(("before", "after"), [(1, 1), (7, 3), (8, 8), (5, 0)])
def test_a_log_that_has_only_grown_is_proven_so(before: int, after: int) -> None:
    text = grown(log_of(before), after).text()
    checked = check(text, KEY.verifier())
    assert checked.earlier is not None
    assert (checked.earlier.size, checked.state.size) == (before, before + after)
    assert checked.lines() == [
        f"VALID: the log {ORIGIN} has only grown, from {before} leaves to {before + after}",
    ]


def test_no_character_of_a_file_can_be_changed() -> None:
    text = grown(log_of(5), 6).text().encode()
    for bit in range(0, len(text) * 8, 7):
        changed = bytearray(text)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(ValueError, match=r"."):
            check(changed.decode(), KEY.verifier())


def test_a_log_that_was_rewritten_has_no_proof() -> None:
    earlier = log_of(5).checkpoint()
    other = MemoryLog(KEY)
    for number in range(9):
        other.append({"kind": "batch", "batch": number if number != 2 else 77})
    for size in range(1, 9):
        path = consistency_proof(size, 9, other.read)
        with pytest.raises(ProofError, match="the log was rewritten"):
            verify_growth(Growth(earlier, other.checkpoint(), (), tuple(path)), KEY.verifier())
    forged = MemoryLog(KEY)
    for number in range(5):
        forged.append({"kind": "batch", "batch": number + 1})
    with pytest.raises(ProofError, match="the log was rewritten"):
        verify_growth(Growth(earlier, forged.checkpoint(), (), ()), KEY.verifier())


def test_checkpoints_the_wrong_way_round_or_of_two_logs_prove_nothing() -> None:
    growth = grown(log_of(5), 6)
    with pytest.raises(ProofError, match="rewritten"):
        verify_growth(Growth(growth.later, growth.earlier, (), growth.consistency), KEY.verifier())
    state = Checkpoint.parse(open_note(growth.later, [KEY.verifier()]))
    stranger = KEY.sign(Checkpoint("other.example/log", state.size, state.root).text())
    with pytest.raises(ProofError, match="and the key is that of"):
        verify_growth(Growth(growth.earlier, stranger, (), growth.consistency), KEY.verifier())


def test_a_held_checkpoint_has_to_be_one_of_the_files_states() -> None:
    log = log_of(5)
    held, growth = log.checkpoint(), grown(log, 6)
    for each in (held, log.checkpoint()):
        assert check(growth.text(), KEY.verifier(), held=[each]).lines()[1].startswith("Your checkpoint of ")
    with pytest.raises(ProofError, match="ask for a file that begins at your checkpoint"):
        check(growth.text(), KEY.verifier(), held=[log_of(6).checkpoint()])
    forged = MemoryLog(KEY)
    for number in range(5):
        forged.append({"kind": "batch", "batch": number + 1})
    with pytest.raises(ProofError, match="the log was rewritten: your checkpoint of 5 leaves has another root"):
        check(growth.text(), KEY.verifier(), held=[forged.checkpoint()])
    with pytest.raises(NoteError, match="none of the keys"):
        check(growth.text(), KEY.verifier(), held=[log_of(5, SignerKey.generate(ORIGIN)).checkpoint()])


def test_growth_across_a_change_of_keys_is_proven_to_who_has_the_first_key() -> None:
    second = SignerKey.generate(ORIGIN)
    log = log_of(5)
    log.keys = [name_next_key(KEY, KEY.verifier()), name_next_key(KEY, second.verifier())]
    earlier = log.checkpoint()
    log.signer = second
    growth = grown(log, 3)
    across = Growth(earlier, growth.later, growth.keys, growth.consistency)
    assert check(across.text(), KEY.verifier()).state.size == 8
    with pytest.raises(ProofError, match="none of the keys"):
        check(across.text(), second.verifier())
    assert [str(each) for each in all_keys(log.keys)] == [str(KEY.verifier()), str(second.verifier())]


@pytest.mark.parametrize("broken", ["unsigned", "reversed", "foreign"])
def test_keys_that_do_not_follow_each_other_are_found(broken: str) -> None:
    second, third = SignerKey.generate(ORIGIN), SignerKey.generate(ORIGIN)
    notes = [
        name_next_key(KEY, KEY.verifier()),
        name_next_key(KEY, second.verifier()),
        name_next_key(second, third.verifier()),
    ]
    assert all_keys(notes)[-1] == third.verifier()
    if broken == "unsigned":
        notes[1] = name_next_key(third, second.verifier())
    elif broken == "reversed":
        notes.reverse()
    else:
        notes[0] = name_next_key(third, KEY.verifier())
    with pytest.raises(NoteError):
        all_keys(notes)


def test_the_time_of_a_witness_is_told_and_a_missing_witness_is_a_failure() -> None:
    log, witness = log_of(5), Witness("witness.example/w1")
    at = datetime(2026, 11, 26, 12, 0, tzinfo=UTC)
    note = witness.cosign(log.checkpoint(), at)
    key = WitnessKey.parse(str(witness.key))
    assert witnessed_at(note, key) == at
    assert check(note, KEY.verifier(), witnesses=[key]).lines()[1] == (
        "Witness witness.example/w1 saw the checkpoint of 5 leaves at 2026-11-26T12:00:00Z."
    )
    with pytest.raises(NoteError, match="has not signed the checkpoint"):
        check(log.checkpoint(), KEY.verifier(), witnesses=[key])
    for bit in range(0, 76 * 8, 5):  # of the id, the time and the signature
        with pytest.raises((NoteError, UnicodeDecodeError)):
            witnessed_at(witness.cosign(log.checkpoint(), at, flip=bit), key)
    with pytest.raises(NoteError, match="has not signed the checkpoint"):
        witnessed_at(note, Witness("witness.example/w1").key)


@pytest.mark.parametrize("text", ["", "name", "name+00000000+AAAA", None], ids=["none", "name", "short", "log's"])
def test_what_is_no_key_of_a_witness_is_refused(text: str | None) -> None:
    with pytest.raises(NoteError, match="no key of a witness"):
        WitnessKey.parse(str(KEY.verifier()) if text is None else text)


@pytest.mark.parametrize(
    "text", ["", "{}", "{", '{"consistency": 1}', "[]", "null", '{"consistency": [], "leaves": []}']
)
def test_a_file_of_another_kind_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"no proof|no signed note"):
        check(text, KEY.verifier())


def test_members_of_another_type_are_refused() -> None:
    document = json.loads(grown(log_of(3), 2).text())
    for member in document:
        for value in (None, 1, [1], {"a": 1}, "x"):
            changed = json.dumps(document | {member: value}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
            with pytest.raises(ValueError, match=r"."):
                check(changed, KEY.verifier())


def test_a_witness_is_no_key_of_the_log() -> None:
    witness = Witness("witness.example/w1", Ed25519PrivateKey.generate())
    note = witness.cosign(log_of(5).checkpoint(), datetime(2026, 11, 26, tzinfo=UTC))
    assert check(note, KEY.verifier()).state.size == 5
