"""Refuse entries of the log that the purger's account could write, and that would hold up all others."""

import json
import zlib
from dataclasses import replace
from itertools import count

import pytest

from purger.model import Receipt
from purger.signed_log.entries import Leaf, leaves_of_receipts

(RECEIPT,) = leaves_of_receipts([Receipt(edge, 1, 2, "purge", "1.2-3", 1_790_000_000.0) for edge in ("a", "b", "c")])
OTHER = replace(RECEIPT, receipts=RECEIPT.receipts[:2])
ACT = Leaf.of("event", event=1, action="ban", scope="image", at="2026-01-01T00:00:00Z", reason="court order 7")


def packed(receipts: object) -> bytes:
    return zlib.compress(json.dumps(receipts).encode())


@pytest.mark.parametrize("leaf", [RECEIPT, ACT], ids=["receipt", "act"])
def test_what_a_purger_writes_is_read(leaf: Leaf) -> None:
    assert Leaf.read(leaf.content.encode(), leaf.kept()).leaf == leaf


@pytest.mark.parametrize(
    ("content", "openings", "reason"),
    [
        (b"", None, "no canonical JSON"),
        (b"\xff", None, "no canonical JSON"),
        (b"[]", None, "no canonical JSON"),
        (b"[" * 5000, None, "no canonical JSON"),
        (RECEIPT.content.encode() + b" ", None, "no canonical JSON"),
        (b'{"kind":"acknowledged"}', None, "no member"),
        (RECEIPT.content.encode(), None, "it has 0 receipts"),
        (RECEIPT.content.encode(), OTHER.kept(), "its receipts are of another leaf"),
        (RECEIPT.content.encode(), packed([[RECEIPT.receipts[0].content, {}]] * 1001), "it has 1001 receipts"),
        (RECEIPT.content.encode(), packed([["{}", {}]]), "receipt 0 is malformed: it has no member at"),
        (RECEIPT.content.encode(), packed([["{ }", {}]]), "not in canonical form"),
        (RECEIPT.content.encode(), packed(["{}"]), "openings"),
        (RECEIPT.content.encode(), packed("a" * 3_000_000), "openings"),
        (RECEIPT.content.encode(), (RECEIPT.kept() or b"") + b"x", "openings"),
        (RECEIPT.content.encode(), (RECEIPT.kept() or b"")[:-1], "openings"),
        (ACT.content.encode(), RECEIPT.kept(), "a leaf of its kind has no receipts"),
        (b'{"at":"x","kind":"seen","row":"1"}', None, "no int"),
        (b'{"kind":1}', None, "it has no kind"),
        (ACT.content.encode(), b"{", "openings"),
        (ACT.content.encode(), b"[]", "openings"),
        (ACT.content.encode(), b'{"reason":["other","00"]}', "openings"),
        (ACT.content.encode(), b'{"reason":1}', "openings"),
        (RECEIPT.content.encode(), b'{"reason":["court order 7","00"]}', "openings"),
    ],
    ids=count(),
)
def test_anything_else_is_refused_with_the_reason(content: bytes, openings: bytes | None, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Leaf.read(content, openings)
