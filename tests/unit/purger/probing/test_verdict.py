"""Judge an answer: a banned image is gone if the answer says so, with the body that its digest names."""

import hashlib
from base64 import b64encode

import pytest

from purger.edge.wire import combined
from purger.probing.verdict import Verdict, digest_named, judge

SPECIAL = hashlib.sha256(b"special").hexdigest()
IMAGE = hashlib.sha256(b"image").hexdigest()
NAMED = f"sha-256=:{b64encode(bytes.fromhex(SPECIAL)).decode()}:"
SHA512 = f"sha-512=:{b64encode(bytes(64)).decode()}:"


STATE, DIGEST = ("Takedown-State", "banned"), ("Repr-Digest", NAMED)
MARKED = combined([STATE, DIGEST])


@pytest.mark.parametrize("status", [200, 404, 410, 451])
def test_a_marked_answer_with_its_own_body_is_gone(status: int) -> None:
    assert judge(status, MARKED, SPECIAL, [IMAGE]) == (Verdict.GONE, "")


@pytest.mark.parametrize(
    ("status", "fields", "digest", "proof"),
    [
        (200, MARKED, IMAGE, Verdict.SHOWN),
        (503, {}, IMAGE, Verdict.SHOWN),
        (503, MARKED, SPECIAL, Verdict.FAILING),
        (200, {}, SPECIAL, Verdict.FOREIGN),
        (206, combined([DIGEST]), SPECIAL, Verdict.FOREIGN),
        (200, combined([("Takedown-State", "served"), DIGEST]), SPECIAL, Verdict.FOREIGN),
        (410, {}, SPECIAL, Verdict.UNPROVEN),
        (301, {}, SPECIAL, Verdict.UNPROVEN),
        (410, combined([STATE]), SPECIAL, Verdict.UNPROVEN),
        (410, combined([STATE, STATE, DIGEST]), SPECIAL, Verdict.UNPROVEN),
        (410, combined([STATE, DIGEST, DIGEST]), SPECIAL, Verdict.UNPROVEN),
        (410, MARKED, hashlib.sha256(b"").hexdigest(), Verdict.UNPROVEN),
    ],
)
def test_anything_else_is_not(status: int, fields: dict[str, str], digest: str, proof: Verdict) -> None:
    found, said = judge(status, fields, digest, [IMAGE])
    assert found is proof
    assert bool(said) == (proof in (Verdict.UNPROVEN, Verdict.FOREIGN))


@pytest.mark.parametrize(
    ("fields", "digest"),
    [
        ([NAMED], SPECIAL),
        ([f"{SHA512}, {NAMED}"], SPECIAL),
        ([SHA512, NAMED], SPECIAL),
        ([], None),
        ([SHA512], None),
        ([NAMED, NAMED], None),
        ([f"{NAMED},"], None),
        ([f"{NAMED}, sha-512"], None),
        ([NAMED[:-1]], None),
        ([NAMED.replace("=:", "=", 1)], None),
        ([NAMED.replace("sha-256", "SHA-256")], None),
        ([f"sha-256=:{b64encode(bytes(31)).decode()}:"], None),
        ([f"sha-256=:{'A' * 41}:"], None),
        ([f"sha-256=:{'A' * 5000}:"], None),
        (["sha-256=::"], None),
    ],
)
def test_a_digest_is_read_by_its_grammar(fields: list[str], digest: str | None) -> None:
    assert digest_named(fields) == digest
