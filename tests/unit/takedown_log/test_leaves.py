"""Write leaves in canonical form, and commit to values in them."""

import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takedown_log.leaves import Members, NotCanonicalError, Opening, canonical, parse_canonical

NAMES = st.text(string.ascii_lowercase, min_size=1, max_size=5)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
LARGEST = 2**53 - 1
VALUES = st.one_of(TEXTS, st.integers(-LARGEST, LARGEST), st.lists(TEXTS))


def test_members_stand_by_the_alphabet_without_spaces() -> None:
    members: Members = {"kind": "batch", "batch": 17, "at": "2026-11-26T12:00:00.000001Z", "edges": ["a", "\u00e9"]}
    assert canonical(members) == '{"at":"2026-11-26T12:00:00.000001Z","batch":17,"edges":["a","\u00e9"],"kind":"batch"}'


def test_characters_are_escaped_as_rfc_8785_has_it() -> None:
    # RFC 8785, 3.2.2.2: its example without the escape of a solidus.
    assert canonical({"string": '\u20ac$\u000f\nA\'B"\\\\"/'}) == '{"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'


@given(st.dictionaries(NAMES, VALUES))
def test_what_was_written_is_read_again(members: dict[str, str | int | list[str]]) -> None:
    assert parse_canonical(canonical(members)) == members


@pytest.mark.parametrize(
    "text",
    [
        *(
            '{"b":1,"a":2}',
            '{"a": 1}',
            '{"a":1,"a":1}',
            '{"a":1.0}',
            '{"a":1e2}',
            '{"a":-0}',
            '{"a":"\\u0041"}',
            "[]",
            "",
        ),
        *('{"a":"\\/"}', '{"a":null}', '{"a":true}', '{"a":{}}', '{"a":[1]}', '{"a":9007199254740992}', "[" * 100_000),
        *('{"a":"\\ud800"}', '{"a":NaN}', '{"a b":1}', ' {"a":1}', '{"a":1}\n'),
    ],
)
def test_another_text_of_the_same_members_is_refused(text: str) -> None:
    with pytest.raises(NotCanonicalError):
        parse_canonical(text)


def test_an_opening_shows_one_value_alone() -> None:
    opening = Opening.of("a reason")
    assert opening.commitment() == Opening("a reason", opening.salt).commitment()
    assert opening.commitment() != Opening.of("a reason").commitment()
    assert opening.commitment() != Opening("another reason", opening.salt).commitment()
    assert len({json.dumps(Opening.of("x").salt.hex()) for _ in range(100)}) == 100


def test_a_salt_of_another_length_is_refused() -> None:
    # Else a byte could move from the salt to the value.
    with pytest.raises(ValueError, match="16 bytes, not 15"):
        Opening("xa reason", bytes(15)).commitment()
