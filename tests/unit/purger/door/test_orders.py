"""Orders of the door's clients: how their bodies are read, and who is named in the record."""

import json
import re
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from purger.door.answers import ProblemError
from purger.door.clients import Client
from purger.door.orders import read_key, read_order, signature
from purger.moderation.bans import LONGEST_REASON


def test_the_order_of_members_and_empty_texts_change_nothing() -> None:
    first = read_order(b'{"image": "a", "reason": "spam"}')
    again = read_order(b'{"reason": "spam", "by": "", "image": "a", "ahead": false}')
    assert first.fingerprint == again.fingerprint
    others = [b'{"image": "a"}', b'{"name": "a", "reason": "spam"}', b'{"image": "a", "by": "spam"}']
    assert len({first.fingerprint, *(read_order(body).fingerprint for body in others)}) == 4


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b'{"image": "a", "image": "b"}', 400),
        (b'{"image": "a", "ahead": NaN}', 400),
        (b"[" * 100_000, 400),
        (b'{"image": ' + b"9" * 5000 + b"}", 400),
        (b'{"image": 1e999}', 422),
        (b'{"image": "a", "reason": "\\ud800"}', 422),
        (b'{"image": "a", "reason": "\\u0000"}', 422),
        (b'{"image": "a", "x\\ud800": ""}', 422),
        (b"[]", 422),
    ],
)
def test_a_body_that_is_no_order_is_refused(body: bytes, status: int) -> None:
    with pytest.raises(ProblemError) as refused:
        read_order(body)
    assert refused.value.status == status
    refused.value.answer().parts()


@given(st.binary(max_size=200) | st.recursive(st.text() | st.integers() | st.booleans() | st.none(),
       lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["image", "by", "x"]), inner),
       max_leaves=5).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_no_body_does_more_than_be_refused(body: bytes) -> None:
    with suppress(ProblemError):
        read_order(body)


@pytest.mark.parametrize("key", ["", "é", "a\tb", 256 * "a"])
def test_a_key_is_printable_ascii(key: str) -> None:
    assert read_key('"4f2a-1"') == '"4f2a-1"'
    with pytest.raises(ProblemError):
        read_key(key)


def test_the_record_ends_with_the_name_of_the_client_whatever_it_says_of_itself() -> None:
    client = Client(name="coop", hashes=())
    assert signature("", client) == "door client coop"
    signed = signature("J. Doe (door client board)", client)
    assert re.search(r"\(door client (\S+)\)$", signed)[1] == "coop"  # type: ignore[index]
    assert len(signature(160 * "x", Client(name=64 * "x", hashes=()))) <= LONGEST_REASON
