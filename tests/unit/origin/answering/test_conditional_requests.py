"""Evaluate conditional requests: entity tags, dates, and both together."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.answering.conditional_requests import etag_matches, not_modified, range_applies
from takedown_base.http.http_dates import format_date

ETAG = '"0123abcd"'
OTHER = '"other"'
MOMENT = 1_700_000_000

opaque = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters='"\x7f'), max_size=12).filter(
    lambda text: all(character > "\x9f" or character < "\x7f" for character in text)
)
tags = st.builds(lambda weak, text: f'{"W/" if weak else ""}"{text}"', st.booleans(), opaque)
separators = st.sampled_from([",", ", ", " , ", ",,", ",\t"])


@given(st.lists(tags), st.booleans(), separators, st.randoms())
def test_a_tag_is_found_wherever_it_stands_in_the_list(
    others: list[str], weak: bool, separator: str, random: Random
) -> None:
    listed = [*others, "W/" + ETAG if weak else ETAG]
    random.shuffle(listed)
    assert etag_matches(separator.join(listed), ETAG)


@given(st.lists(tags), separators)
def test_only_the_tag_itself_is_found(others: list[str], separator: str) -> None:
    listed = [tag for tag in others if tag.removeprefix("W/") != ETAG]
    assert not etag_matches(separator.join(listed), ETAG)


@pytest.mark.parametrize("value", ["*", " * ", "W/" + ETAG, f", {ETAG}", f"{OTHER}, {ETAG}", f'"a,b", {ETAG}'])
def test_these_match(value: str) -> None:
    assert etag_matches(value, ETAG)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "0123abcd",
        '"0123abcd',
        "w/" + ETAG,
        f"*, {OTHER}",
        f"W/ {ETAG}",
        f"garbage {ETAG}",
        f"{OTHER} {ETAG}",
        '"*"',
    ],
)
def test_these_do_not(value: str) -> None:
    assert not etag_matches(value, ETAG)


def test_a_comma_inside_a_tag_does_not_end_it() -> None:
    assert not etag_matches(f'"x,{ETAG[1:]}', ETAG)


@given(st.text(), st.text())
def test_garbage_never_raises(one: str, other: str) -> None:
    not_modified(one, other, ETAG, MOMENT)
    not_modified(None, other, ETAG, MOMENT)
    range_applies(one, ETAG, MOMENT)


@given(st.text(alphabet='W/"*, \t\x00aé', max_size=30))
def test_garbage_in_the_alphabet_of_lists_never_raises(text: str) -> None:
    etag_matches(text, ETAG)


def test_a_long_list_is_read_in_time_proportional_to_its_length() -> None:
    assert not etag_matches(", " * 200_000, ETAG)
    assert not etag_matches('"' * 200_000, ETAG)
    assert etag_matches('"x", ' * 100_000 + ETAG, ETAG)


@given(st.integers(-100_000, 100_000))
def test_a_date_alone_decides_by_the_order_of_dates(difference: int) -> None:
    since = format_date(MOMENT + difference)
    assert not_modified(None, since, ETAG, MOMENT) == (difference >= 0)


def test_without_a_date_of_its_own_nothing_is_unmodified_since_a_date() -> None:
    assert not not_modified(None, format_date(MOMENT), ETAG, None)


@given(st.integers(-100_000, 100_000))
def test_beside_if_none_match_the_date_plays_no_part(difference: int) -> None:
    since = format_date(MOMENT + difference)
    assert not_modified(ETAG, since, ETAG, MOMENT)
    assert not not_modified(OTHER, since, ETAG, MOMENT)
    assert not not_modified("", since, ETAG, MOMENT)


def test_if_range_takes_the_strong_tag_or_the_exact_date() -> None:
    assert range_applies(None, ETAG, None)
    assert range_applies(ETAG, ETAG, None)
    assert range_applies(format_date(MOMENT), ETAG, MOMENT)
    for value in ("W/" + ETAG, OTHER, "*", f"{ETAG}, {OTHER}", "garbage", ""):
        assert not range_applies(value, ETAG, MOMENT)
    assert not range_applies(format_date(MOMENT + 1), ETAG, MOMENT)
    assert not range_applies(format_date(MOMENT - 1), ETAG, MOMENT)
    assert not range_applies("garbage", ETAG, None)
