"""Read lists of files to import."""

import csv
import io
import re
import tracemalloc
from collections.abc import Iterator
from datetime import datetime

import pytest

from origin.importing.entries import Entry, image_chunks
from origin.importing.list import ImportList, UnusableListError
from origin.importing.rules import Stability
from takedown_base.name_codes import code_of_name


def read(text: str | bytes) -> tuple[list[Entry], dict[str, str]]:
    """Return the files of a list, and the reasons for which lines were refused by their places."""
    refused: dict[str, str] = {}
    listed = ImportList(io.BytesIO(text.encode() if isinstance(text, str) else text))
    return [*listed.entries(None, Stability(), lambda place, reason: refused.update({place: reason}))], refused


def test_tabs_and_commas_are_told_apart_by_the_first_line() -> None:
    expected = [
        Entry("line 2 (x/a.jpg)", "a", "a", "original", "x/a.jpg", "", Stability()),
        Entry("line 3 (b,c)", "b", "b", "thumb", "b,c", "", Stability()),
    ]
    assert read("code\trendition\tpath\na\toriginal\tx/a.jpg\nb\tthumb\tb,c\n") == (expected, {})
    assert read('code,rendition,path\na,,x/a.jpg\r\n"b",thumb,"b,c"') == (expected, {})


def test_the_columns_stand_in_any_order_and_key_is_a_path() -> None:
    assert read("key\towner\tcode\nx/a\tann\ta\n")[0] == [
        Entry("line 2 (x/a)", "a", "a", "original", "x/a", "ann", Stability())
    ]
    assert read("\ufeffcode,path\na,b\n")[0][0].path == "b", "a mark of the byte order is none of the name"


def test_what_mysql_escapes_is_read_as_it_was() -> None:
    """The columns of a row with each character that mysql -B escapes, and one NULL."""
    files, refused = read("code\tpath\trendition\n" + r"a\tb\nc\\n" + "\tx\\\\y.jpg\tNULL\n")
    assert refused == {}
    assert [(each.name, each.rendition, each.path) for each in files] == [("a\tb\nc\\n", "original", "x\\y.jpg")]


def test_a_date_makes_stable_and_none_ends_it() -> None:
    files, refused = read(
        "code,path,stable_until\na,a,2040-01-01 06:00:00\nb,b,\nc,c,2040-01-01T06:00:00+02:00\nd,d,soon\n"
    )
    six, four = (Stability(change=True, until=datetime(2040, 1, 1, hour)) for hour in (6, 4))
    assert [each.stability for each in files] == [six, Stability(change=True), four]
    assert refused == {"line 5": "stable_until: 'soon' is no date, such as 2030-12-31 or 2030-12-31T18:00:00Z"}


@pytest.mark.parametrize(
    ("head", "fault"),
    [
        (b"", "the list is empty"),
        (b"\n", "the list is empty"),
        (b"code\tpath\tcolour\n", "line 1: 'colour' is no column: .* code, rendition, path, key, owner, stable_until"),
        (b"code,path,code\n", "line 1: the column code is given twice"),
        (b"code,owner\n", "line 1: a list needs the column code, and either path or key"),
        (b"code,path,key\n", "either path or key"),
        (b"path\n", "needs the column code"),
        (b"a\x1bb,path\n", r"line 1: 'a\\x1bb' is no column"),
        (b"code,p\xffth\n", "line 1: not UTF-8 text"),
        (b'code,"path\n', "line 1: its quotation marks"),
        (b"x" * 20000, "line 1: longer than 16384 bytes"),
    ],
)
def test_a_head_that_cannot_be_used_is_refused_with_the_reason(head: bytes, fault: str) -> None:
    with pytest.raises(UnusableListError, match=fault):
        ImportList(io.BytesIO(head))


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b"a", "1 cells, and the first line names 3 columns"),
        (b"a\tb\tc\td", "4 cells"),
        (b"NULL\tb\tann", "code is empty"),
        (b"a\t\tann", "path is empty"),
        (b"a\tNULL\tann", "path is empty"),
        (b"a\t/etc/passwd\tann", "'/etc/passwd' is no path: relative"),
        (b"a\tx/../y\tann", "'x/../y' is no path"),
        (b"a\tx//y\tann", "is no path"),
        (b"a\t./x\tann", "is no path"),
        (b"a\tx\\0y\tann", r"'x\\x00y' is no path"),
        (b"a\tx\\ny\tann", r"'x\\ny' is no path"),
        (b"a\tx\\qy\tann", r"\\q is not one of the escapes"),
        (b"a\tx\\", r"not one of the escapes"),
        (b"a\tx\t", "owner '' is not 1 to 64 of"),
        (b"a\tx\tan n", "owner 'an n' is not 1 to 64 of"),
        (b"a\t\xff\tann", "not UTF-8 text"),
        (b"a\t" + b"x" * 16384 + b"\tann", "longer than 16384 bytes"),
        (b"a\t" + b"x" * 40000 + b"\tann", "longer than 16384 bytes"),
        (b"a\t" + b"x" * 1001 + b"\tann", "at most 1000 characters"),
    ],
)
def test_a_malformed_line_is_refused_with_its_number_and_the_others_are_read(line: bytes, fault: str) -> None:
    files, refused = read(b"code\tpath\towner\na\tb\tann\n\n" + line + b"\nc\td\tann\n")
    assert [(each.place, each.name) for each in files] == [("line 2 (b)", "a"), ("line 5 (d)", "c")]
    assert refused.keys() == {"line 4"}
    assert re.search(fault, refused["line 4"])


def test_an_unknown_rendition_is_refused() -> None:
    assert "1 to 32 of a-z 0-9 _ -" in read("code,path,rendition\na,b,Thumb\n")[1]["line 2"]


@pytest.mark.parametrize("length", [16383, 16384])
def test_the_longest_line_counts_without_being_lost_at_the_end_of_the_list(length: int) -> None:
    line = "a," + "x" * (length - 2)
    assert "at most 1000 characters" in read(f"code,path\n{line}")[1]["line 2"]


def test_a_line_that_csv_wrote_is_read() -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["code", "path"], ['say "hi", you', "x, y.jpg"]])
    assert [(each.name, each.path) for each in read(text.getvalue())[0]] == [('say "hi", you', "x, y.jpg")]


class _Endless(io.RawIOBase):
    """A list of so many lines, that never stands in memory as a whole."""

    def __init__(self, lines: int) -> None:
        self._lines = iter([b"code,path\n"])
        self._left = lines

    def readline(self, size: int | None = -1, /) -> bytes:
        del size
        if head := next(self._lines, None):
            return head
        self._left -= 1
        return b"code-%d,%d.jpg\n" % (self._left, self._left) if self._left >= 0 else b""


def test_a_long_list_takes_no_more_memory_than_a_short_one() -> None:
    tracemalloc.start()
    try:
        listed = ImportList(_Endless(50_000))  # type: ignore[arg-type] # only its readline() is called
        assert sum(1 for _ in listed.entries(None, Stability(), lambda *_: None)) == 50_000
        assert tracemalloc.get_traced_memory()[1] < 500_000
    finally:
        tracemalloc.stop()


def entry(name: str, rendition: str = "original", owner: str = "ann", place: str = "") -> Entry:
    return Entry(place or f"{name}/{rendition}", name, code_of_name(name), rendition, name, owner, Stability())


def chunks(
    entries: Iterator[Entry] | list[Entry], most: int = 3
) -> tuple[list[list[list[str]]], list[tuple[str, str]]]:
    refused: list[tuple[str, str]] = []
    found = [*image_chunks(entries, most, lambda place, reason: refused.append((place, reason)))]
    return [[[image.code, *image.files] for image in chunk] for chunk in found], refused


def test_neighbours_of_one_image_are_taken_together() -> None:
    entries = [entry("a"), entry("a", "thumb"), entry("b", "thumb"), entry("b"), entry("c"), entry("d")]
    assert chunks(entries) == (
        [[["a", "original", "thumb"], ["b", "thumb", "original"], ["c", "original"]], [["d", "original"]]],
        [],
    )


def test_a_code_that_comes_again_is_in_a_later_transaction() -> None:
    assert chunks([entry("a"), entry("b"), entry("a", "thumb")])[0] == [
        [["a", "original"], ["b", "original"]],
        [["a", "thumb"]],
    ]


def test_lines_that_contradict_their_neighbour_are_refused() -> None:
    entries = [
        entry("a b"),
        entry("a b", place="twice"),
        entry("a b", "thumb", "bob", place="owner"),
        entry("YSBi", "thumb", place="name"),
        entry("a b", "small"),
    ]
    found, refused = chunks(entries)
    assert found == [[["YSBi", "original", "small"]]]
    assert [place for place, _ in refused] == ["twice", "owner", "name"]
    assert "is this rendition of the image already" in refused[0][1]
    assert "owner or stable_until differ" in refused[1][1]
    assert "its name has the code YSBi" in refused[2][1]
