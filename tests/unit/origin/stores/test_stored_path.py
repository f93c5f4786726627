"""Check paths of files below a store's root."""

import os
from pathlib import PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.stores.stored_path import LONGEST, is_stored_path


@pytest.mark.parametrize(
    "path", ["a", "a.jpg", "12/34/Abc.jpg", "été/ü 1.png", "...", "..a/a..", ".hidden", "a" * LONGEST]
)
def test_these_are_paths(path: str) -> None:
    assert is_stored_path(path)


@pytest.mark.parametrize(
    "path",
    [
        *("", "/", "/a", "a/", "a//b", ".", "..", "a/.", "./a", "a/..", "../a", "a/../b", "a/./b"),
        *("a\n", "a\0", "\x7f", "a\x85b", "\ud800", os.fsdecode(b"\xff.jpg"), "a" * (LONGEST + 1)),
    ],
)
def test_these_are_none(path: str) -> None:
    assert not is_stored_path(path)


@given(st.text(alphabet="./a\n\0é", max_size=12))
def test_no_path_leaves_the_root(path: str) -> None:
    if is_stored_path(path):
        assert os.path.normpath(f"/site/{path}") == f"/site/{path}"
        assert not PurePosixPath(path).is_absolute()
