"""Read URLs as web servers do, and refuse what two of them could read apart."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from origin.verdict.url import LONGEST_PATH, ReadUrl, UnreadableUrlError, read_parameters, read_url


@pytest.mark.parametrize(
    ("target", "path"),
    [
        ("/a/b.jpg", "/a/b.jpg"),
        ("/a/%62.jpg?w=1", "/a/b.jpg"),
        ("/a/%C3%9C.jpg", "/a/Ü.jpg"),
        ("/a/Ü.jpg".encode().decode("latin-1"), "/a/Ü.jpg"),
        ("/a/b+c.jpg", "/a/b+c.jpg"),
        ("/a/50%25.jpg", "/a/50%.jpg"),
        ("/a/..b/.c", "/a/..b/.c"),
        ("/a/%20b", "/a/ b"),
    ],
)
def test_a_path_is_read_with_its_escapes_taken_out(target: str, path: str) -> None:
    assert read_url("h", target).path == path


@pytest.mark.parametrize(
    "target",
    [
        "",
        "a/b.jpg",
        "http://h/a",
        "/a//b.jpg",
        "/a/./b.jpg",
        "/a/../b.jpg",
        "/a/%2e%2E/b.jpg",
        "/a/..",
        "/a%2Fb.jpg",
        "/a%2fb.jpg",
        "/a%5cb.jpg",
        "/a\\b.jpg",
        "/a%00.jpg",
        "/a%0a.jpg",
        "/a\n.jpg",
        "/a%7f.jpg",
        "/a%C2%85.jpg",
        "/a b.jpg",
        "/a#b.jpg",
        "/a%.jpg",
        "/a%4.jpg",
        "/a%zz.jpg",
        "/a%ff.jpg",
        "/a%C0%AF.jpg",
        "/a%ED%A0%80.jpg",
        "/a%2562.jpg",
        "/" + "a" * LONGEST_PATH,
    ],
)
def test_a_path_in_a_doubtful_spelling_is_refused(target: str) -> None:
    with pytest.raises(UnreadableUrlError):
        read_url("h", target)


@pytest.mark.parametrize("host", ["www.example.org", "WWW.Example.ORG", "www.example.org:80", "www.example.org.:8080"])
def test_a_host_is_compared_as_servers_compare_it(host: str) -> None:
    assert read_url(host, "/").host == "www.example.org"


@pytest.mark.parametrize(
    ("query", "value"),
    [
        ("f=a.jpg", "a.jpg"),
        ("w=1&f=a%20b+c.jpg&h", "a b c.jpg"),
        ("%66=a.jpg", "a.jpg"),
        ("f=a=b", "a=b"),
        ("f", ""),
        ("", ""),
        ("F=a.jpg", ""),
        ("ff=a.jpg", ""),
    ],
)
def test_a_parameter_is_read(query: str, value: str) -> None:
    assert read_parameters(query, ["f"]) == {"f": value}


@pytest.mark.parametrize(
    "query",
    [
        "f=a&f=b",
        "f=a&%66=b",
        "f[]=a",
        "f%5Bx=a",
        "+f=a",
        "w=1;f=a",
        "f=%",
        "f=%ff",
        "f=%00",
        "f=" + "a" * 9000,
    ],
)
def test_a_parameter_in_a_doubtful_spelling_is_refused(query: str) -> None:
    with pytest.raises(UnreadableUrlError):
        read_parameters(query, ["f"])


def test_php_reads_dots_and_spaces_as_underscores() -> None:
    for query in ("a.b=x", "a+b=x", "a_b=y&a.b=x"):
        with pytest.raises(UnreadableUrlError):
            read_parameters(query, ["a_b"])


@given(st.text(st.characters(max_codepoint=255)), st.text(st.characters(max_codepoint=255)))
def test_any_text_is_read_or_refused(host: str, target: str) -> None:
    try:
        url = read_url(host, target)
        read_parameters(url.query, ["f"])
    except UnreadableUrlError:
        return
    assert isinstance(url, ReadUrl)
    assert url.path.isprintable() or " " in url.path or not url.path.isascii()
