"""Check proofs, and change them: each single bit, each leaf left out, another log, another key."""

import json
import random
from dataclasses import replace

import pytest

from takedown_log.leaves import Members, canonical
from takedown_log.proof import Proof, ProofError, ProvenLeaf, sign_proof, verify
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
        "3": {"kind": "batch", "batch": 3, "subject": "code-3", "reason": "a reason \u00e9"},
        "17": {"kind": "batch", "batch": 17, "subject": "code-17", "reason": "a reason \u00e9"},
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
    assert "reason" not in verify(proof, log.signer.verifier()).leaves["3"]
    forged = replace(leaf, openings={"reason": replace(leaf.openings["reason"], value="another")})
    with pytest.raises(ProofError, match="reason 'another' is not the value"):
        verify(
            sign_proof([forged], log.checkpoint(), [], log.signer, about=ABOUT, made_at=MADE_AT), log.signer.verifier()
        )


def receipt(edge: str, last: int, at: str = "2026-11-26T12:00:02.000000Z") -> dict[str, str | int]:
    return {
        "kind": "acknowledged",
        "edge": edge,
        "first": 1,
        "last": last,
        "method": "purge",
        "instance": "i",
        "at": at,
    }


@pytest.fixture(scope="module")
def told() -> MemoryLog:
    """Two leaves of what three edges acknowledged, and one of a batch."""
    log = MemoryLog()
    for last in (7, 8):
        log.append_receipts(*(receipt(f"edge{number}", last) for number in range(3)))
    log.append({"kind": "batch", "batch": 9})
    return log


def signed(log: MemoryLog, *leaves: ProvenLeaf) -> Proof:
    """Make the proof that whoever has the key could sign, whether it holds or not."""
    return sign_proof(leaves, log.checkpoint(), [], log.signer, about=ABOUT, made_at=MADE_AT)


def test_each_receipt_is_proven_by_its_path_also_without_the_others(told: MemoryLog) -> None:
    leaf = told.proven([1])[0]
    for kept in (leaf.receipts, leaf.receipts[:1], leaf.receipts[1:], leaf.receipts[::2]):
        proof = Proof.parse(signed(told, replace(leaf, receipts=kept)).text())
        assert verify(proof, told.signer.verifier()).leaves == {
            f"1, receipt {each.index}": receipt(f"edge{each.index}", 8) for each in kept
        }


def test_a_receipt_holds_in_its_own_place_and_leaf_alone(told: MemoryLog) -> None:
    first, second, batch = told.proven([0, 1, 2])
    one, two, _ = first.receipts
    later = replace(one, leaf=one.leaf.replace("12:00:02", "12:00:01"))
    other_edge = replace(one, leaf=one.leaf.replace("edge0", "edge9"))
    for receipts, words in (
        ([later, two], "leaf 0, receipt 0 is not in the log, or was changed"),
        ([other_edge], "leaf 0, receipt 0 is not in the log, or was changed"),
        ([replace(one, path=())], "leaf 0, receipt 0 is not in the log"),
        ([replace(one, path=(one.path[0], bytes(32)))], "leaf 0, receipt 0 is not in the log"),
        ([replace(one, path=(*one.path, b""))], "a hash of its path has another length"),
        ([*first.receipts, replace(other_edge, index=3)], "leaf 0, receipt 3 is not in the log"),
        ([replace(two, index=0)], "leaf 0, receipt 0 is not in the log"),
        ([two, one], "order of the log"),
        ([one, one], "order of the log"),
    ):
        with pytest.raises(ProofError, match=words):
            verify(signed(told, replace(first, receipts=tuple(receipts))), told.signer.verifier())
    fewer = MemoryLog(told.signer)
    fewer.append_receipts(receipt("edge0", 7))
    with pytest.raises(ProofError, match="leaf 0, receipt 0 is not in the log"):
        verify(signed(told, replace(first, receipts=fewer.proven([0])[0].receipts)), told.signer.verifier())
    with pytest.raises(ProofError, match="leaf 2 is of a kind without receipts"):
        verify(signed(told, replace(batch, receipts=second.receipts)), told.signer.verifier())
    nested = json.loads(signed(told, first).text())
    nested["leaves"][0]["receipts"][0]["receipts"] = []
    with pytest.raises(ProofError, match="a leaf's members must be"):
        Proof.parse(json.dumps(nested, indent=1, sort_keys=True) + "\n")


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({**receipt("edge0", 7), "more": "x"}, "leaf 0, receipt 0 is malformed: it has a member more"),
        ({**receipt("edge0", 7), "method": 1}, "leaf 0, receipt 0 is malformed: its member method is no str"),
        ({"kind": "acknowledged", "first": 1, "last": 7, "at": "x"}, "leaf 0, receipt 0 is malformed: .* no member"),
    ],
)
def test_a_malformed_receipt_is_named(members: dict[str, str | int], words: str) -> None:
    log = MemoryLog()
    log.append_receipts(members)
    with pytest.raises(ProofError, match=words):
        verify(log.prove(0), log.signer.verifier())


def test_a_leaf_of_receipts_without_a_root_is_malformed() -> None:
    for root in ("", "zz"):
        log = MemoryLog()
        members: Members = {"kind": "seen", "row": 1, "receipts": 1, "root": root or 1, "at": "x"}
        log.append_text(canonical(members))
        with pytest.raises(ProofError, match="leaf 0 is malformed: its "):
            verify(log.prove(0), log.signer.verifier())


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
