"""Read the token to send from the first line of its file as it is now, and from no other file."""

import logging
import os
from pathlib import Path

import pytest

from purger.edge.credentials import CredentialError, TlsFiles, TokenFile, allow_only
from tests.support.certificates import Authority
from tests.support.deadline import deadline

LONGER = "a-token_of.24~visible+/characters=="


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


def test_the_first_line_is_the_token(tmp_path: Path) -> None:
    assert TokenFile(write(tmp_path / "t", f"{LONGER}\n")).token() == LONGER
    assert TokenFile(write(tmp_path / "t", f"new\r\n{LONGER}\r\n")).token() == "new"


@pytest.mark.parametrize("text", ["a b", "a\nb\nc", "\n\na", "a@b", "mysql://u:p@h/n", "\u00e9", "x" * 5000, ""])
def test_a_file_of_something_else_is_refused_and_not_shown(tmp_path: Path, text: str) -> None:
    with pytest.raises(CredentialError, match="token file: ") as caught:
        TokenFile(write(tmp_path / "t", text)).token()
    assert not text or text not in str(caught.value)


def test_a_file_that_is_overwritten_or_exchanged_is_read_again(tmp_path: Path) -> None:
    path = write(tmp_path / "t", "one")
    tokens = TokenFile(path)
    assert tokens.token() == "one"
    path.write_text("two-2")
    assert tokens.token() == "two-2"
    write(tmp_path / "new", "three").replace(path)
    assert tokens.token() == "three"


def test_while_a_file_is_exchanged_the_token_is_the_one_of_before(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write(tmp_path / "t", "one")
    tokens = TokenFile(path)
    assert tokens.token() == "one"
    path.write_text("")
    assert [tokens.token(), tokens.token()] == ["one", "one"]
    assert caplog.text.count("is empty; what it held before still holds") == 1
    path.unlink()
    assert tokens.token() == "one"
    tokens.refused()
    with pytest.raises(CredentialError, match="cannot be read"):
        tokens.token()
    write(path, "four")
    assert tokens.token() == "four"


def test_files_outside_of_the_token_directory_are_not_read(tmp_path: Path) -> None:
    inside = tmp_path / "tokens"
    inside.mkdir()
    secret = write(tmp_path / "secret", "secret")
    (inside / "link").symlink_to(secret)
    allow_only(inside)
    try:
        assert TokenFile(write(inside / "t", "one")).token() == "one"
        for path in (secret, inside / "link", inside / ".." / "secret"):
            with pytest.raises(CredentialError, match="--token-directory"):
                TokenFile(path).token()
    finally:
        allow_only(None)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with deadline(), pytest.raises(CredentialError, match="not a regular file"):
        TokenFile(tmp_path / "pipe").token()


def test_a_token_that_all_can_read_is_warned_about(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    path = write(tmp_path / "t", "one")
    path.chmod(0o644)
    assert TokenFile(path).token() == "one"
    assert f"every user of this machine can read {path}: chmod o-rwx it" in caplog.text


def test_a_warning_about_a_file_is_not_repeated_and_its_end_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    path = write(tmp_path / "t", "one")
    tokens = TokenFile(path)
    for mode, said in ((0o644, 1), (0o604, 1), (0o600, 2)):
        path.chmod(mode)
        assert tokens.token() == "one"
        assert len(caplog.records) == said
    assert f"{path} is readable only by its owner and group now" in caplog.records[-1].getMessage()


def test_certificates_that_are_renewed_in_their_files_are_noticed(tmp_path: Path) -> None:
    authority, another = Authority(tmp_path, "one"), Authority(tmp_path, "another")
    pair = authority.sign("edge.example")
    files = TlsFiles(str(authority.file), str(pair.certificate), str(pair.key))
    assert not files.changed(), "nothing was loaded yet"
    files.load()
    assert not files.changed()
    another.file.replace(authority.file)
    assert files.changed()
    files.load()
    assert not files.changed()
    pair.key.touch()
    assert files.changed()


def test_edges_with_the_same_files_share_a_context_until_one_is_exchanged(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ours")
    pair = authority.sign("purger.example")
    pair.key.chmod(0o600)
    paths = (str(authority.file), str(pair.certificate), str(pair.key))
    one, other, without = TlsFiles(*paths), TlsFiles(*paths), TlsFiles(paths[0], None, None)
    first = one.load()
    assert one.load() is other.load() is first
    assert without.load() is not first, "no client certificate goes to an edge that has none"
    authority.sign("purger.example").key.chmod(0o600)
    renewed = one.load()
    assert other.load() is renewed
    assert renewed is not first
    pair.certificate.unlink()
    with pytest.raises(CredentialError, match="certificate file"):
        other.load()
