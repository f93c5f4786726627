"""Read lists whole or not at all."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from purger.hash_lists.entries import MalformedListError, read_entries
from purger.hash_lists.source import SourceError, opened
from tests.support.list_server import ListServer, list_server

MD5 = hashlib.md5(b"a").hexdigest()
SHA1 = hashlib.sha1(b"a").hexdigest()
SHA256 = hashlib.sha256(b"a").hexdigest()


@pytest.fixture(scope="module")
def server() -> Iterator[ListServer]:
    with list_server() as running:
        yield running


def read(source: str) -> list[tuple[str, str]]:
    with opened(source) as file:
        return [(kind, name.rstrip("0")) for kind, name in read_entries(file)]


def text(tmp_path: Path, content: str | bytes) -> list[tuple[str, str]]:
    path = tmp_path / "list.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read(str(path))


def expected(*names: tuple[str, str]) -> list[tuple[str, str]]:
    return [(kind, name.rstrip("0")) for kind, name in names]


def test_kinds_are_told_by_length_or_by_the_header(tmp_path: Path) -> None:
    all_kinds = expected(("md5", MD5), ("sha1", SHA1), ("sha256", SHA256))
    assert text(tmp_path, f"# of today\r\n{MD5}\r\n{SHA1.upper()},second column\r\n\r\n{SHA256}\r\n") == all_kinds
    assert text(tmp_path, f"\ufeffid,SHA-1,md5,sha_256\n7,{SHA1},{MD5},{SHA256}\n8,,,\n") == all_kinds
    assert text(tmp_path, f"pdq\n{SHA256}\n") == expected(("pdq", SHA256))


@pytest.mark.parametrize(
    "content",
    [
        "<html>\n<body>Sign in</body>\n",
        f"{MD5}\n{SHA1}",
        f"{MD5}\n{SHA1[:-1]}\n",
        f"{MD5}\n{'g' * 32}\n",
        f"id,md5,sha1\n7,{MD5}\n",
        f"id,md5\n7,{SHA1}\n",
        f"{MD5}\n".encode() + b"\xff\n",
        MD5 + "," + "x" * 70_000 + "\n",
        f"{MD5}\n\0\n",
    ],
    ids=["page", "no end", "short", "no hex", "column lacks", "other kind", "no text", "long line", "zeros"],
)
def test_what_is_no_list_is_refused(tmp_path: Path, content: str | bytes) -> None:
    with pytest.raises(MalformedListError):
        text(tmp_path, content)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="No such file"):
        read(str(tmp_path / "none.csv"))


def test_a_url_is_read_whole(server: ListServer) -> None:
    server.publish(f"{MD5}\n")
    assert read(server.url) == expected(("md5", MD5))
    server.raw(f"21\r\n{MD5}\n\r\n0\r\n\r\n".encode(), "Transfer-Encoding: chunked")
    assert read(server.url) == expected(("md5", MD5))


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (f"{MD5}\n", "Content-Length: 66"),
        (f"{MD5}\n", "Content-Length: 99999999999"),
        (f"{MD5}\n", "Content-Length: many"),
        (f"{MD5}\n", "X-None: 1"),
        (f"21\r\n{MD5}\n\r\n", "Transfer-Encoding: chunked"),
        (f"42\r\n{MD5}\n\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
        (f"{MD5}\n", "Content-Length: 33\r\nContent-Encoding: gzip"),
    ],
    ids=["broken off", "huge", "no number", "no length", "chunks broken off", "chunk lies", "compressed"],
)
def test_a_body_that_breaks_off_or_lies_is_refused(server: ListServer, body: str, field: str) -> None:
    server.publish(body, field)
    with pytest.raises(SourceError):
        read(server.url)


def test_a_length_that_is_too_short_is_refused_within_a_line(server: ListServer) -> None:
    server.publish(f"{MD5}\n{SHA256}\n", "Content-Length: 65")
    with pytest.raises(MalformedListError, match="no end"):
        read(server.url)


def test_other_statuses_and_dead_servers_are_refused(server: ListServer) -> None:
    server.raw(f"{MD5}\n".encode(), "Content-Length: 33", status="404 Not Found")
    with pytest.raises(SourceError, match="404"):
        read(server.url)
    with pytest.raises(SourceError, match="reached"):
        read("http://127.0.0.1:9/list.csv")
