"""Recognise subjects of each scope."""

import pytest

from takedown_base.subject_keys import is_subject


@pytest.mark.parametrize(
    ("scope", "subject", "known"),
    [
        ("image", "abc-1", True),
        ("owner", "a" * 64, True),
        ("owner", "a" * 65, False),
        ("digest", "0123456789abcdef" * 4, True),
        ("digest", "0123456789ABCDEF" * 4, False),
        ("digest", "0" * 63, False),
        ("digest", "0" * 64 + "\n", False),
        ("digest", "abc-1", False),
        ("digest ", "0" * 64, False),
        ("all", "abc-1", False),
    ],
)
def test_a_subject_has_the_form_that_its_scope_wants(scope: str, subject: str, known: bool) -> None:
    assert is_subject(scope, subject) == known
