"""Read Range headers: any header gives bytes of the file, or is ignored."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.answering.byte_ranges import UnsatisfiableRangeError, select_range
from origin.model import ByteRange

sizes = st.integers(min_value=1, max_value=10_000)
positions = st.integers(min_value=0, max_value=20_000)


@given(st.one_of(st.text(), st.from_regex(r"\A(bytes|BYTES)=\d*-\d*\Z"), st.from_regex(r"\Abytes=[-0-9, ]*\Z")), sizes)
def test_whatever_was_asked_what_is_sent_lies_in_the_file(header: str, size: int) -> None:
    try:
        selected = select_range(header, size)
    except UnsatisfiableRangeError:
        return
    if selected is not None:
        assert selected.start >= 0
        assert selected.length >= 1
        assert selected.start + selected.length <= size


@given(positions, positions, sizes)
def test_first_to_last_is_what_a_slice_gives(first: int, last: int, size: int) -> None:
    wanted = range(size)[first : last + 1]
    header = f"bytes={first}-{last}"
    if last < first:
        assert select_range(header, size) is None
    elif not wanted:
        with pytest.raises(UnsatisfiableRangeError):
            select_range(header, size)
    else:
        assert select_range(header, size) == ByteRange(wanted[0], len(wanted))


@given(positions, sizes)
def test_from_a_position_to_the_end(first: int, size: int) -> None:
    if first >= size:
        with pytest.raises(UnsatisfiableRangeError):
            select_range(f"bytes={first}-", size)
    else:
        assert select_range(f"bytes={first}-", size) == ByteRange(first, size - first)


@given(positions, sizes)
def test_the_last_bytes(length: int, size: int) -> None:
    if length == 0:
        with pytest.raises(UnsatisfiableRangeError):
            select_range("bytes=-0", size)
    else:
        sent = min(length, size)
        assert select_range(f"bytes=-{length}", size) == ByteRange(size - sent, sent)


@given(st.integers(1, 20), sizes)
def test_a_file_cut_into_ranges_is_whole_again(step: int, size: int) -> None:
    content = bytes(index % 251 for index in range(size))
    parts = (select_range(f"bytes={start}-{start + step - 1}", size) for start in range(0, size, step))
    assert b"".join(content[part.start : part.start + part.length] for part in parts if part) == content


@pytest.mark.parametrize(
    "header",
    [
        "",
        "bytes",
        "bytes=",
        "bytes=-",
        "bytes=a-b",
        "bytes=0-1,3-4",
        "bytes=0-1,",
        "bytes=5-4",
        "bytes= 0-1",
        "bytes=0 -1",
        "bytes=+1-2",
        "bytes=0-1;x",
        "items=0-1",
        "bytes=\u0660-\u0661",
        "bytes=--1",
        "bytes=0x0-1",
    ],
)
def test_several_ranges_other_units_and_nonsense_are_ignored(header: str) -> None:
    assert select_range(header, 100) is None


def test_the_unit_is_read_without_regard_to_case() -> None:
    assert select_range("Bytes=0-0", 100) == ByteRange(0, 1)


def test_numbers_beyond_any_file_are_numbers_all_the_same() -> None:
    huge = "9" * 10_000
    assert select_range(f"bytes=1-{huge}", 100) == ByteRange(1, 99)
    assert select_range(f"bytes=-{huge}", 100) == ByteRange(0, 100)
    assert select_range("bytes=" + "0" * 10_000 + "1-2", 100) == ByteRange(1, 2)
    with pytest.raises(UnsatisfiableRangeError):
        select_range(f"bytes={huge}-", 100)
