"""Give names of files codes, by the rule that docs/guide/importing.md tells."""

import base64
import hashlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from takedown_base.name_codes import code_of_name, name_of_code
from takedown_base.subject_keys import is_key


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("Abc-1_x", "Abc-1_x"),
        ("a b", "YSBi"),
        ("12/34/Abc.jpg", "MTIvMzQvQWJjLmpwZw"),
        ("süß", "c8O8w58"),
        ("?>", "Pz4"),
        ("a" * 65, hashlib.sha256(b"a" * 65).hexdigest()),
        ("." * 48, "Li4u" * 16),
        ("." * 49, hashlib.sha256(b"." * 49).hexdigest()),
        ("ä" * 24, "w6TDpMOk" * 8),
        ("ä" * 25, hashlib.sha256("ä".encode() * 25).hexdigest()),
    ],
)
def test_a_name_has_the_code_of_the_rule(name: str, code: str) -> None:
    assert code_of_name(name) == code


@given(st.text(min_size=1, max_size=80).filter(lambda text: text.isprintable()))
@example("a")
def test_every_name_has_a_code_and_a_short_one_can_be_read_back(name: str) -> None:
    code = code_of_name(name)
    assert is_key(code)
    if not is_key(name) and len(name.encode()) <= 48:
        assert base64.urlsafe_b64decode(code + "=" * (-len(code) % 4)).decode() == name
        assert name_of_code(code) == (name if "." in name or "/" in name else None)


@pytest.mark.parametrize(
    "code",
    [
        *("Abc-1_x", "", "a", "YSBi", "Li4u" * 17, "L3", "Lw_"),
        *(hashlib.sha256(b"." * 49).hexdigest(), code_of_name("a/\n"), code_of_name("\u202e.png"), "QWJj"),
    ],
)
def test_a_code_that_was_not_computed_from_a_name_for_people_has_none(code: str) -> None:
    assert name_of_code(code) is None
