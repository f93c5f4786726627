"""Escape text from outside, for a terminal or a log."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from takedown_base.printable import printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Grüße 画像.png", "Grüße 画像.png"),
        ("two\nlines\r\ttab", "two\\nlines\\r\\ttab"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("\u2028\x85\xa0", "\\u2028\\x85\\xa0"),
        ("\udcff", "\\udcff"),
        (7, "7"),
    ],
)
def test_only_what_is_not_printable_is_escaped(text: object, shown: str) -> None:
    assert printable(text) == shown


@given(st.text(st.characters(exclude_categories=[])))
def test_the_result_is_one_printable_line_that_any_log_can_hold(text: str) -> None:
    assert printable(text).isprintable()
    printable(text).encode()
