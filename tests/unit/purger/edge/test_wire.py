"""Encode requests, and parse short answers: whatever has another form is left to the standard library's client."""

import pytest

from purger.edge.wire import ShortAnswer, encode_request, parse_answer, parse_first

HEAD = b"HTTP/1.1 200 OK\r\nTakedown-Now: 1.000\r\nContent-Length: 5\r\n"
ANSWER = HEAD + b"\r\nhello"


def test_a_request_is_one_line_a_field() -> None:
    encoded = encode_request("PURGE", "/images/a", "edge:80", {"If-Match": '"one"', "Takedown-Part-Of": "17"})
    assert encoded == b'PURGE /images/a HTTP/1.1\r\nHost: edge:80\r\nIf-Match: "one"\r\nTakedown-Part-Of: 17\r\n\r\n'


@pytest.mark.parametrize("value", ["a\r\nX: y", "a\nX: y", "a\r", "\n"])
def test_a_field_with_a_line_break_is_not_sent(value: str) -> None:
    with pytest.raises(ValueError, match="line break"):
        encode_request("PURGE", "/", "edge", {"Takedown-Owner": value})


def test_a_short_answer_is_parsed_with_its_names_in_lower_case() -> None:
    assert parse_answer(ANSWER) == ShortAnswer(200, {"takedown-now": "1.000", "content-length": "5"}, b"hello")
    assert parse_answer(b"HTTP/1.1 412\r\nContent-Length: 0\r\n\r\n") == ShortAnswer(412, {"content-length": "0"}, b"")


def test_values_of_one_name_are_a_list() -> None:
    answer = parse_answer(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nETag: one \r\nETAG:\ttwo\r\n\r\n")
    assert answer is not None
    assert answer.headers["etag"] == "one, two"


@pytest.mark.parametrize(
    "received",
    [
        *(ANSWER[:length] for length in range(len(ANSWER))),
        ANSWER + b"x",
        ANSWER.replace(b"1.1", b"1.0"),
        ANSWER.replace(b"\r\n", b"\n"),
        ANSWER.replace(b"200", b"100"),
        ANSWER.replace(b"200", b"2000"),
        ANSWER.replace(b"200", b"600"),
        HEAD + b"Connection: close\r\n\r\nhello",
        HEAD + b"Content-Length: 5\r\n\r\nhello",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\nhello",
        HEAD + b" folded: yes\r\n\r\nhello",
        HEAD + b"no colon\r\n\r\nhello",
        HEAD + b"a space: yes\r\n\r\nhello",
        HEAD + b"A: b\rc\r\n\r\nhello",
        HEAD + b"A: b\r\n" * 99 + b"\r\nhello",
        b"HTTP/1.1 200 OK\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
        b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\nhello",
    ],
)
def test_whatever_has_another_form_is_left_to_the_standard_library(received: bytes) -> None:
    assert parse_answer(received) is None


def test_the_first_of_several_answers_is_parsed_with_its_size() -> None:
    first, size = parse_first(ANSWER + ANSWER) or (None, 0)
    assert (first, size) == (parse_answer(ANSWER), len(ANSWER))
