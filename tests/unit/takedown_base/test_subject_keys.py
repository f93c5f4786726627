"""Recognise subjects of each scope, and suggest a code for a mistyped one."""

import pytest

from takedown_base.subject_keys import hint_for_code, is_subject


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


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("https://img.example.org/images/abc-1", "abc-1"),
        ("https://img.example.org:8443/images/abc-1/thumb?size=2#top", "abc-1"),
        ("/images/abc-1", "abc-1"),
        ("images/abc-1/thumb", "abc-1"),
        ("http://example.org/abc-1", "abc-1"),
        ("abc-1.JPG", "abc-1"),
        ("uploads/2026/abc-1.webp", "abc-1"),
        (" abc-1 ", "abc-1"),
    ],
)
def test_the_code_that_was_probably_meant_is_named(text: str, code: str) -> None:
    assert hint_for_code(text) == f" (did you mean '{code}'?)"


@pytest.mark.parametrize("text", ["", "/", "http://", "http://example.org", "a b", "ä", "images/", "x" * 65, "a.b.c"])
def test_no_code_is_made_up(text: str) -> None:
    assert hint_for_code(text) == ""
