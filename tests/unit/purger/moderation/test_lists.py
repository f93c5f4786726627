"""Read lists of subjects in chunks, with malformed lines among them."""

from collections.abc import Sequence
from io import BytesIO

import pytest

from purger.moderation.lists import Chunk, read_chunks
from purger.moderation.subjects import MalformedSubjectError, Subject, parse_subject, split_line
from takedown_base.scope import Scope


def find(lines: Sequence[str]) -> list[Subject | MalformedSubjectError]:
    found: list[Subject | MalformedSubjectError] = []
    for line in lines:
        try:
            found.append(parse_subject(*split_line(line)))
        except MalformedSubjectError as error:
            found.append(error)
    return found


def read(text: bytes, size: int = 1000) -> list[Chunk]:
    return list(read_chunks(BytesIO(text), find, size))


def test_lines_keep_their_numbers_and_comments_and_empty_lines_are_skipped() -> None:
    (chunk,) = read(b"\xef\xbb\xbfabc\r\n\n  \n# of Monday\n  # too\nowner:anna\nx y\nlast")
    assert [(line, *each) for line, each in chunk.subjects] == [
        (1, Scope.IMAGE, "abc"),
        (6, Scope.OWNER, "anna"),
        (8, Scope.IMAGE, "last"),
    ]
    assert [each.line for each in chunk.refused] == [7]
    assert chunk.last_line == 8


def test_chunks_are_of_one_size_and_refused_lines_count() -> None:
    chunks = read(b"a\nb b\n#\nc\nd\ne e\n", size=2)
    assert [chunk.last_line for chunk in chunks] == [2, 5, 6]
    assert [len(chunk.subjects) + len(chunk.refused) for chunk in chunks] == [2, 2, 1]


@pytest.mark.parametrize("text", [b"", b"\n\n", b"# nothing\n", b"\xef\xbb\xbf"])
def test_a_list_without_subjects_has_no_chunk(text: bytes) -> None:
    assert read(text) == []


def test_a_line_that_is_no_text_is_refused() -> None:
    (chunk,) = read(b"\xff\xfe\nabc\n")
    assert chunk.refused[0].reason == "the line is not UTF-8 text"
    assert [each.line for each in chunk.subjects] == [2]


def test_a_long_line_is_refused_as_one_and_not_held() -> None:
    class Counting(BytesIO):
        longest = 0

        def readline(self, size: int | None = -1, /) -> bytes:
            line = super().readline(size)
            self.longest = max(self.longest, len(line))
            return line

    for length, refused in ((4096, False), (4097, True), (100_000, True)):
        stream = Counting(b"#" * length + b"\nabc\n")
        (chunk,) = read_chunks(stream, find)
        assert [each.line for each in chunk.refused] == ([1] if refused else [])
        assert [each.line for each in chunk.subjects] == [2]
        assert stream.longest <= 4097


def test_a_long_line_at_the_end_of_a_list_is_refused() -> None:
    (chunk,) = read(b"abc\n" + b"x" * 10_000)
    assert [each.reason for each in chunk.refused] == ["the line is longer than 4,096 bytes"]
