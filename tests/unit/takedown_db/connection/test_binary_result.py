"""Read results of prepared statements, whole, cut off, refused and malformed."""

import struct
from datetime import datetime
from typing import Any

import pytest

from takedown_db.connection.binary_result import IncompleteError, ResultReader, ServerError, UnknownAnswerError

TEXT, BIGINT, INT, DATETIME = 253, 8, 3, 12
UNSIGNED = 32
END = b"\xfe\0\0\x02\0"


def lenenc(text: bytes) -> bytes:
    return bytes([len(text)]) + text if len(text) < 251 else b"\xfc" + struct.pack("<H", len(text)) + text


def column(kind: int, flags: int = 0) -> bytes:
    names = b"".join(map(lenenc, (b"def", b"takedown", b"images", b"images", b"code", b"code")))
    return names + b"\x0c" + struct.pack("<HIBHB", 45, 255, kind, flags, 0) + b"\0\0"


def row(*values: bytes | None) -> bytes:
    nulls = sum(1 << (place + 2) for place, value in enumerate(values) if value is None)
    return b"\0" + nulls.to_bytes((len(values) + 9) // 8, "little") + b"".join(value or b"" for value in values)


def packets(*bodies: bytes) -> bytes:
    return b"".join(
        struct.pack("<I", len(body))[:3] + bytes([number % 256]) + body for number, body in enumerate(bodies, 1)
    )


def result(kinds: list[bytes], *rows: bytes, end_of_columns: bytes | None = END) -> bytes:
    middle = [] if end_of_columns is None else [end_of_columns]
    return packets(bytes([len(kinds)]), *kinds, *middle, *rows, END)


def read(answer: bytes) -> list[tuple[Any, ...]]:
    return ResultReader().read(answer)


def test_each_type_is_read() -> None:
    when = struct.pack("<BHBBBBBI", 11, 2026, 11, 2, 12, 30, 1, 250_000)
    kinds = [column(TEXT), column(BIGINT), column(BIGINT, UNSIGNED), column(INT), column(DATETIME)]
    values = row(lenenc(b"joe"), struct.pack("<q", -2), b"\xff" * 8, struct.pack("<i", 7), when)
    expected = ("joe", -2, 2**64 - 1, 7, datetime(2026, 11, 2, 12, 30, 1, 250_000))
    assert read(result(kinds, values)) == [expected]
    assert read(result(kinds, values, end_of_columns=None)) == [expected]  # as newer clients ask for it


def test_times_are_as_long_as_they_need() -> None:
    for packed, expected in {
        b"\x04" + struct.pack("<HBB", 2026, 11, 2): datetime(2026, 11, 2),
        b"\x07" + struct.pack("<HBBBBB", 2026, 11, 2, 1, 2, 3): datetime(2026, 11, 2, 1, 2, 3),
        b"\x00": None,  # 0000-00-00 00:00:00
        b"\x04" + struct.pack("<HBB", 2026, 0, 2): None,
    }.items():
        assert read(result([column(DATETIME), column(TEXT)], row(packed, lenenc(b"after")))) == [(expected, "after")]


def test_null_is_none_in_any_column() -> None:
    kinds = [column(TEXT)] * 14
    for place in range(14):
        values = [None if number == place else lenenc(bytes([97 + number])) for number in range(14)]
        expected = tuple(None if number == place else chr(97 + number) for number in range(14))
        assert read(result(kinds, row(*values))) == [expected]


def test_several_rows_none_and_long_texts_are_read() -> None:
    assert read(result([column(TEXT)])) == []
    texts = [b"a" * size for size in (0, 250, 251, 4000)]
    rows = [row(lenenc(text)) for text in texts]
    assert read(result([column(TEXT)], *rows)) == [(text.decode(),) for text in texts]


def test_a_text_that_is_not_utf8_is_read_as_one_that_no_check_takes() -> None:
    assert read(result([column(TEXT)], row(lenenc(b"a\xff")))) == [("a\\xff",)]


def test_columns_that_change_are_noticed() -> None:
    reader = ResultReader()
    first = result([column(TEXT)], row(lenenc(b"one")))
    for _ in range(2):
        assert reader.read(first) == [("one",)]
    assert reader.read(result([column(BIGINT)], row(struct.pack("<q", 5)))) == [(5,)]
    assert reader.read(first) == [("one",)]


def test_a_result_that_is_cut_off_anywhere_is_incomplete() -> None:
    whole = result([column(TEXT), column(BIGINT)], row(lenenc(b"joe"), struct.pack("<q", 1)), row(None, None))
    known = ResultReader()
    known.read(whole)
    for end in range(len(whole)):
        for reader in (known, ResultReader()):
            with pytest.raises(IncompleteError):
                reader.read(whole[:end])


def test_an_error_is_raised_with_its_number_before_and_between_rows() -> None:
    error = b"\xff" + struct.pack("<H", 1205) + b"#HY000Lock wait timeout exceeded"
    between = packets(b"\x01", column(TEXT), END, row(lenenc(b"joe")), error)
    for answer in (packets(error), between):
        with pytest.raises(ServerError, match="Lock wait timeout exceeded") as caught:
            read(answer)
        assert (caught.value.number, caught.value.state) == (1205, "HY000")


@pytest.mark.parametrize(
    "answer",
    [
        packets(b"\0\0\0\x02\0\0\0"),  # OK: a statement without a result
        packets(b""),
        packets(b"\x01", column(5), END, END),  # a type that no lookup has
        packets(b"\x01", b"\x03def", END, END),
        packets(b"\x01", b"\xffdef", END, END),
        packets(b"\x01", column(BIGINT), END, row(b"\x01"), END),
        packets(b"\x01", column(TEXT), END, row(b"\xfd"), END),
    ],
)
def test_an_answer_that_is_no_result_is_refused(answer: bytes) -> None:
    with pytest.raises(UnknownAnswerError):
        read(answer)
