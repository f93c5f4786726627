"""Refuse entries of the log that the purger's account could write, and that would hold up all others."""

from itertools import count

import pytest

from purger.model import Receipt
from purger.signed_log.entries import Leaf, leaf_of_receipt

RECEIPT = leaf_of_receipt(Receipt("edge1", 1, 2, "purge", "1.2-3", 1_790_000_000.0))
ACT = Leaf.of("event", event=1, action="ban", scope="image", at="2026-01-01T00:00:00Z", reason="court order 7")


@pytest.mark.parametrize("leaf", [RECEIPT, ACT], ids=["receipt", "act"])
def test_what_a_purger_writes_is_read(leaf: Leaf) -> None:
    assert Leaf.read_checked(leaf.content.encode(), leaf.kept_openings()) == leaf


@pytest.mark.parametrize(
    ("content", "openings", "reason"),
    [
        (b"", None, "no canonical JSON"),
        (b"\xff", None, "no canonical JSON"),
        (b"[]", None, "no canonical JSON"),
        (b"[" * 5000, None, "no canonical JSON"),
        (RECEIPT.content.encode() + b" ", None, "no canonical JSON"),
        (b'{"kind":"acknowledged"}', None, "no member"),
        (b'{"at":"x","kind":"seen","row":"1"}', None, "no int"),
        (b'{"kind":1}', None, "it has no kind"),
        (b'{"a":"' + b"a" * 40_000 + b'","kind":"x"}', None, "more than"),
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
        Leaf.read_checked(content, openings)
