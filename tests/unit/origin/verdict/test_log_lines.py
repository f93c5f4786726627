"""Read lines of access logs as Apache and nginx write them."""

import pytest

from origin.verdict.log_lines import LoggedRequest, read_line

WHEN = "[10/Oct/2026:13:55:36 +0000]"


@pytest.mark.parametrize(
    ("line", "request_"),
    [
        (f'192.0.2.7 - - {WHEN} "GET /a.jpg HTTP/1.1" 200 2326', ("GET", "", "/a.jpg", 200)),
        (
            f'2001:db8::7 - joe b {WHEN} "HEAD /a.jpg?x=1 HTTP/2.0" 304 - "http://h/" "A \\"B"',
            ("HEAD", "", "/a.jpg?x=1", 304),
        ),
        (
            f'www.example.org:80 192.0.2.7 - - {WHEN} "GET /a.jpg HTTP/1.1" 206 1',
            ("GET", "www.example.org", "/a.jpg", 206),
        ),
        (f'::1 - - {WHEN} "GET https://h:8443/a%20b HTTP/1.1" 200 1', ("GET", "h:8443", "/a%20b", 200)),
        (f'::1 - - {WHEN} "GET http://h HTTP/1.0" 200 1', ("GET", "h", "/", 200)),
        (f'::1 - - {WHEN} "GET /\\xc3\\x9c\\"\\\\.jpg" 200 1', ("GET", "", '/\xc3\x9c"\\.jpg', 200)),
        (f'::1 - - {WHEN} "GET /a b HTTP/1.1" 400 1', ("GET", "", "/a b", 400)),
        (f'::1 - - {WHEN} "\\x16\\x03\\x01" 400 1', ("", "", "", 400)),
        (f'::1 - - {WHEN} "-" 408 -', ("", "", "", 408)),
    ],
)
@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_line_of_a_web_server_is_read(line: str, request_: tuple[str, str, str, int], end: str) -> None:
    assert read_line((line + end).encode()) == LoggedRequest(*request_)


@pytest.mark.parametrize(
    "line",
    ["", "GET /a.jpg", f'::1 - - {WHEN} "GET /a.jpg HTTP/1.1', f'::1 - - {WHEN} "GET / HTTP/1.1" 2000 1', '{"a": 1}'],
)
def test_a_line_in_another_format_is_none(line: str) -> None:
    assert read_line(line.encode()) is None
