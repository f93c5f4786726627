"""Check proofs, and change them: each single bit, each leaf left out, another log, another key."""

import json
import random
from dataclasses import replace

import pytest

from takedown_log.proof import Proof, ProofError, sign_proof, verify
from takedown_log.signed_note import SignerKey, name_next_key
from tests.support.log.proof_log import ABOUT, MADE_AT, ORIGIN, MemoryLog


@pytest.fixture(scope="module")
def log() -> MemoryLog:
    log = MemoryLog()
    for batch in range(20):
        log.append({"kind": "batch", "batch": batch}, {"subject": f"code-{batch}", "reason": "a reason \u00e9"})
    return log


def test_a_proof_holds_and_shows_the_values_of_its_leaves(log: MemoryLog) -> None:
    verified = verify(Proof.parse(log.prove(3, 17).text()), log.signer.verifier())
    assert (verified.checkpoint.origin, verified.checkpoint.size) == (ORIGIN, 20)
    assert (verified.about, verified.made_at) == (ABOUT, MADE_AT)
    assert verified.leaves == {
        3: {"kind": "batch", "batch": 3, "subject": "code-3", "reason": "a reason \u00e9"},
        17: {"kind": "batch", "batch": 17, "subject": "code-17", "reason": "a reason \u00e9"},
    }


def test_no_bit_of_a_file_can_be_changed(log: MemoryLog) -> None:
    text, key = log.prove(3, 17).text().encode(), log.signer.verifier()
    for bit in range(len(text) * 8):
        changed = bytearray(text)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises((ProofError, UnicodeDecodeError)):
            verify(Proof.parse(changed.decode()), key)


def test_no_member_of_a_file_can_be_changed_and_none_left_out(log: MemoryLog) -> None:
    text, key = log.prove(3, 9, 17).text(), log.signer.verifier()
    chooser = random.Random(1)
    for _ in range(500):
        document = json.loads(text)
        change_somewhere(document, chooser)
        changed = json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
        if changed != text:
            with pytest.raises(ProofError):
                verify(Proof.parse(changed), key)


def test_a_leaf_of_another_log_is_found_although_its_statement_is_signed(log: MemoryLog) -> None:
    other = MemoryLog(log.signer)
    for batch in range(20):
        other.append({"kind": "batch", "batch": batch + 1})
    mixed = sign_proof(other.proven([3]), log.checkpoint(), [], log.signer, about=ABOUT, made_at=MADE_AT)
    with pytest.raises(ProofError, match="leaf 3 is not in the log"):
        verify(mixed, log.signer.verifier())


def test_a_checkpoint_of_an_earlier_state_is_not_that_of_the_paths(log: MemoryLog) -> None:
    earlier = MemoryLog(log.signer)
    earlier.append({"kind": "batch", "batch": 0})
    with pytest.raises(ProofError, match="leaf 3 is not in the log"):
        verify(
            sign_proof(log.proven([3]), earlier.checkpoint(), [], log.signer, about=ABOUT, made_at=MADE_AT),
            log.signer.verifier(),
        )


def test_a_value_that_the_leaf_does_not_hold_is_found_and_an_erased_one_is_missing(log: MemoryLog) -> None:
    leaf = log.proven([3])[0]
    without = replace(leaf, openings={"subject": leaf.openings["subject"]})
    proof = sign_proof([without], log.checkpoint(), [], log.signer, about=ABOUT, made_at=MADE_AT)
    assert "reason" not in verify(proof, log.signer.verifier()).leaves[3]
    forged = replace(leaf, openings={"reason": replace(leaf.openings["reason"], value="another")})
    with pytest.raises(ProofError, match="reason 'another' is not the value"):
        verify(
            sign_proof([forged], log.checkpoint(), [], log.signer, about=ABOUT, made_at=MADE_AT), log.signer.verifier()
        )


@pytest.mark.parametrize("indexes", [(3, 3), (4, 3)])
def test_leaves_out_of_order_are_refused(log: MemoryLog, indexes: tuple[int, ...]) -> None:
    with pytest.raises(ProofError, match="order of the log"):
        verify(log.prove(*indexes), log.signer.verifier())


def test_another_key_verifies_nothing(log: MemoryLog) -> None:
    with pytest.raises(ProofError, match="signed by none of the keys"):
        verify(log.prove(3), SignerKey.generate(ORIGIN).verifier())


def test_a_key_that_was_replaced_twice_still_verifies_and_so_do_its_followers() -> None:
    first, second, third = (SignerKey.generate(ORIGIN) for _ in range(3))
    log = MemoryLog(third)
    log.append({"kind": "batch", "batch": 1})
    log.keys = [name_next_key(first, second.verifier()), name_next_key(second, third.verifier())]
    for key in (first, second, third):
        assert verify(log.prove(0), key.verifier()).checkpoint.size == 1
    log.keys = log.keys[1:]
    with pytest.raises(ProofError, match="none of the keys"):
        verify(log.prove(0), first.verifier())


@pytest.mark.parametrize("text", ["", "{}", "[]", "null", '{"leaves": 1}', "[" * 100_000])
def test_what_is_no_proof_is_refused(text: str) -> None:
    with pytest.raises(ProofError, match="no proof"):
        Proof.parse(text)


def change_somewhere(node: dict[str, object] | list[object], chooser: random.Random) -> None:
    """Change one member below a node of JSON, leave it out, or write it twice."""
    key = chooser.choice(list(node) if isinstance(node, dict) else range(len(node))) if node else None
    child = node[key] if key is not None else None  # type: ignore[index,call-overload]
    if isinstance(child, dict | list) and child and chooser.random() < 0.8:
        change_somewhere(child, chooser)
    elif key is not None and chooser.random() < 0.3:
        del node[key]  # type: ignore[arg-type]
    elif isinstance(node, list):
        node.append(child)
    elif isinstance(child, str) and child:
        at = chooser.randrange(len(child))
        node[str(key)] = child[:at] + chooser.choice("0aZ= ") + child[at + 1 :]
    elif isinstance(child, int):
        node[str(key)] = child + chooser.choice((-1, 1))
