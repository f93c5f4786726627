"""Check the headers that an operator adds to every answer."""

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from origin.added_headers import parse_header, require_distinct
from origin.cli.main import main


@pytest.mark.parametrize(
    ("line", "header"),
    [
        ("Access-Control-Allow-Origin: *", ("Access-Control-Allow-Origin", "*")),
        ("Timing-Allow-Origin:https://a.example", ("Timing-Allow-Origin", "https://a.example")),
        ('X:\t a, b;c="d" \t', ("X", 'a, b;c="d"')),
    ],
)
def test_a_header_is_a_name_and_a_value(line: str, header: tuple[str, str]) -> None:
    assert parse_header(line) == header


@pytest.mark.parametrize(
    "line",
    [
        *("", "X", "X:", "X: ", ": x", "X : x", " X: x", "X Y: x", "X\r\nY: x", "Xé: x", "(X): x"),
        *("X: a\r\nSet-Cookie: b=c", "X: a\n", "X: a\rb", "X: a\x00b", "X: é", "X: a\x7f"),
    ],
)
def test_what_is_none_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="is not 'Name: value'"):
        parse_header(line)


@pytest.mark.parametrize(
    "name",
    [
        *("Content-Type", "content-length", "ETAG", "Last-Modified", "Cache-Control", "CDN-Cache-Control", "Expires"),
        *(
            "Vary",
            "Date",
            "Age",
            "Connection",
            "Transfer-Encoding",
            "Set-Cookie",
            "Takedown-Owner",
            "takedown-anything",
        ),
        *(
            "Cache-Status",
            "Content-Range",
            "Accept-Ranges",
            "X-Content-Type-Options",
            "Allow",
            "Retry-After",
            "Repr-Digest",
        ),
    ],
)
def test_a_header_that_origin_or_edge_sets_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="origin or edge sets itself"):
        parse_header(f"{name}: x")


@given(st.text())
def test_whatever_is_taken_can_be_sent(line: str) -> None:
    try:
        name, value = parse_header(line)
    except ValueError:
        return
    assert name
    assert value == value.strip()
    assert f"{name}{value}".isascii()
    assert f"{name}{value}".replace("\t", "").isprintable()


def test_a_name_stands_once_and_all_stay_short() -> None:
    headers = (("A", "1"), ("B", "2"))
    assert require_distinct(headers) == headers
    with pytest.raises(ValueError, match="is given twice"):
        require_distinct((*headers, ("a", "3")))
    with pytest.raises(ValueError, match="longer than"):
        require_distinct([("A", "x" * 1000)])


@pytest.mark.parametrize(
    ("flags", "variable", "message"),
    [
        (["--header", "Vary: Origin"], "", "Vary is a header that origin or edge sets itself"),
        (["--header", "A: 1", "--header", "a: 2"], "", "a is given twice"),
        ([], "A: 1\nB 2", "'B 2' is not 'Name: value'"),
        ([], "A: 1\r\nB: 2", "is not 'Name: value'"),
    ],
)
def test_a_header_that_cannot_be_sent_is_a_usage_error(flags: list[str], variable: str, message: str) -> None:
    required = ["--database-url", "mysql://u:p@localhost/x?unix_socket=/none", "--store", "/none"]
    result = CliRunner().invoke(main, ["serve", *required, *flags], env={"ORIGIN_HEADER": variable})
    assert result.exit_code == 2
    assert message in " ".join(result.output.replace("│", " ").split())
