"""Check the warnings of `purger edge add` and `set`, and the URLs that they accept."""

from pathlib import Path

import pytest

from purger.cli.options.edge import doubts
from purger.edge.url import UnusableEdgeUrlError, is_private, shown, split_url
from purger.model import Edge


def secret(path: Path, mode: int = 0o640) -> str:
    path.write_text("sesame")
    path.chmod(mode)
    return str(path)


def test_nothing_is_doubtful_about_tls_and_loopback(tmp_path: Path) -> None:
    token = secret(tmp_path / "token")
    for url in ("https://edge.example:6443", "http://127.0.0.1:6090", "http://[::1]:6090", "http://10.1.2.3:6090"):
        assert list(doubts(Edge("paris", url, url, token))) == []


@pytest.mark.parametrize("url", ["http://edge.example:6090", "http://8.8.8.8:6090", "http://[2600::1]:6090"])
def test_a_token_that_travels_unencrypted_is_warned_about(tmp_path: Path, url: str) -> None:
    (doubt,) = doubts(Edge("paris", url, url, secret(tmp_path / "token")))
    assert doubt.startswith(f"the token goes to '{url}' unencrypted")


def test_files_are_looked_at(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.touch(mode=0o600)
    found = doubts(
        Edge(
            name="paris",
            purge_url="https://e",
            public_url="https://e",
            token_file=secret(tmp_path / "token", 0o644),
            ca_file=str(tmp_path / "none"),
            certificate_file=str(empty),
            key_file=secret(tmp_path / "key", 0o604),
        )
    )
    assert list(found) == [
        f"every user of this machine can read {tmp_path}/token: chmod o-rwx it",
        f"{tmp_path}/none is not there or not readable, as seen from this machine",
        f"{empty} is empty",
        f"every user of this machine can read {tmp_path}/key: chmod o-rwx it",
    ]


def test_a_url_is_split() -> None:
    assert split_url("https://edge.example") == ("https", "edge.example", 443)
    assert split_url("http://[::1]:6090/") == ("http", "::1", 6090)
    assert is_private("http://localhost:1")


@pytest.mark.parametrize(
    "url",
    [
        "",
        "edge",
        "ftp://edge",
        "http://",
        "http://e/x",
        "http://e?x",
        "http://e#x",
        "http://e:x",
        "http://[e",
        "http://e e",
    ],
)
def test_a_url_that_is_more_or_less_than_scheme_host_and_port_is_refused(url: str) -> None:
    with pytest.raises(UnusableEdgeUrlError):
        split_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:s3cret@e",
        "http://s3cret@e:1",
        "http://:s3cret@e",
        "http://@e",
        "http://u:s3@cret@e",
        "http://u:s3/cret@e",
        "http://u:[s3cret@e",
        "s3cret@e",
    ],
)
def test_a_user_or_a_password_is_refused_and_not_shown(url: str) -> None:
    with pytest.raises(UnusableEdgeUrlError) as caught:
        split_url(url)
    assert "s3" not in str(caught.value)
    assert "cret" not in str(caught.value)
    assert "s3" not in shown(url)
