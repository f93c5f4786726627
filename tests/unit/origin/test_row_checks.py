"""Check a database row before headers and paths are built from it."""

import os
from datetime import datetime
from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.model import Found
from origin.row_checks import LONGEST_PATH, MalformedRecordError, is_stored_path, require_well_formed

NOW = datetime(2026, 5, 1, 12, 0, 0)
GOOD = Found("image/svg+xml", 1000, "ab" * 32, "joe", NOW, 0, 0, NOW, NOW, 17)
NOTHING = Found(None, None, None, None, None, 0, 0, None, NOW, 0)


@pytest.mark.parametrize(
    "found",
    [
        GOOD,
        NOTHING,
        GOOD._replace(path="2024/été 1.jpg"),
        GOOD._replace(size=0),
        GOOD._replace(stable_until=None),
        GOOD._replace(seen=10**15 - 1),
    ],
)
def test_what_the_schema_allows_passes(found: Found) -> None:
    assert require_well_formed(found, "code") is found


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("content_type", "text/html"),
        ("content_type", "image/png\r\nSet-Cookie: a=b"),
        ("content_type", "image/png\n"),
        ("content_type", "image/"),
        ("content_type", ""),
        ("content_type", "image/png; charset=x"),
        ("content_type", b"image/png"),
        ("size", -1),
        ("size", 1 << 63),
        ("size", "1000"),
        ("digest", "../" * 21 + "x"),
        ("digest", "AB" * 32),
        ("digest", "ab" * 32 + "\n"),
        ("digest", "ab" * 31),
        ("original", "AB" * 32),
        ("original", "none"),
        ("original", "ab" * 32 + "\r\nX: y"),
        ("owner", ""),
        ("owner", "joe/ann"),
        ("owner", "joe\r\nX: y"),
        ("owner", "j" * 65),
        ("path", ""),
        ("path", "/etc/passwd"),
        ("path", "a/../../etc/passwd"),
        ("path", b"a.jpg"),
        ("stable_until", "0000-00-00 00:00:00"),
    ],
)
def test_anything_else_is_refused_by_its_column(column: str, value: Any) -> None:
    named = "content" if column == "original" else column
    with pytest.raises(MalformedRecordError, match=rf"image code: column (renditions|images)\.{named} ") as refused:
        require_well_formed(GOOD._replace(**{column: value}), "code")
    assert str(refused.value).isprintable(), "nothing of a row reaches the log as it is"


@pytest.mark.parametrize("value", [None, -1, 10**15, "17", b"17", "17\r\nX: y"])
def test_a_batch_that_no_edge_could_read_is_refused_by_its_table(value: Any) -> None:
    message = refusal(GOOD._replace(seen=value))
    assert message is not None
    assert message.startswith("table numbering: last_batch is ")
    assert message.isprintable()


@pytest.mark.parametrize("value", [None, -1, 10**15, "17", "17\r\nX: y"])
def test_a_batch_of_a_change_that_no_edge_could_read_is_refused(value: Any) -> None:
    message = refusal(GOOD._replace(changed=value))
    assert message is not None
    assert message.startswith("image code: column changes.batch ")
    assert message.isprintable()


def test_a_database_that_numbers_nothing_any_more_is_told_with_advice() -> None:
    assert refusal(None) == "table numbering has lost its row: run `purger migrate`"


def refusal(found: Found | None) -> str | None:
    """Why a row is refused; None where it is not."""
    try:
        require_well_formed(found, "code")
    except MalformedRecordError as error:
        return str(error)
    return None


@given(value=st.text())
def test_no_text_of_a_row_starts_a_header_or_leaves_the_store(value: str) -> None:
    for column in ("content_type", "digest", "owner"):
        row: dict[str, Any] = {column: value}
        message = refusal(GOOD._replace(**row))
        if message is None:
            assert not set(value) & set("\r\n:;,\\ ")
            assert column == "content_type" or "/" not in value
        else:
            assert message.isprintable()
            assert len(message) < 1000


@pytest.mark.parametrize(
    "path", ["a", "a.jpg", "12/34/Abc.jpg", "été/ü 1.png", "...", "..a/a..", ".hidden", "a" * LONGEST_PATH]
)
def test_these_are_paths(path: str) -> None:
    assert is_stored_path(path)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/a", "a/", "a//b", ".", "..", "a/.", "./a", "a/..", "../a", "a/../b", "a/./b"),
        *("a\n", "a\0", "\x7f", "a\x85b", "\ud800", os.fsdecode(b"\xff.jpg"), "a" * (LONGEST_PATH + 1)),
    ],
)
def test_these_are_none(path: str) -> None:
    assert not is_stored_path(path)


@given(st.text(alphabet="./a\n\0é", max_size=12))
def test_no_path_leaves_the_root(path: str) -> None:
    if is_stored_path(path):
        assert os.path.normpath(f"/site/{path}") == f"/site/{path}"
        assert not PurePosixPath(path).is_absolute()
