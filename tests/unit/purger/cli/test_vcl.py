"""Let `purger vcl` write the files of an edge, with a site's own server and a token."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from purger.cli.main import cli
from purger.cli.vcl import packaged_vcl


def write(directory: Path, *arguments: str, code: int = 0) -> Result:
    result = CliRunner().invoke(cli, ["vcl", *arguments, str(directory)])
    assert result.exit_code == code, result.output
    return result


def changed(directory: Path) -> tuple[set[str], set[str]]:
    """Return the lines of the packaged default.vcl that the written one has not, and those that only it has."""
    before = set((packaged_vcl() / "default.vcl").read_text().splitlines())
    after = set((directory / "default.vcl").read_text().splitlines())
    return before - after, after - before


@pytest.mark.parametrize(("server", "host"), [("127.0.0.1:8080", "127.0.0.1"), ("[::1]:8080", "::1")])
def test_the_site_s_own_server_is_named_for_every_host(tmp_path: Path, server: str, host: str) -> None:
    write(tmp_path, "--site", server)
    gone, new = changed(tmp_path)
    assert '    var.set("other URLs", "404");' in gone
    assert {'    var.set("other URLs", "pass");', "    set req.backend_hint = site;"} <= new
    text = (tmp_path / "default.vcl").read_text()
    assert f'backend site {{\n    .host = "{host}";\n    .port = "8080";\n' in text
    assert text.count("sub takedown_site {") == 1


@pytest.mark.parametrize("server", ["127.0.0.1", "a b:80", 'x";:80', ":80", "h:port"])
def test_a_server_that_is_none_is_refused(tmp_path: Path, server: str) -> None:
    assert "is not HOST:PORT" in write(tmp_path, "--site", server, code=2).output
    assert list(tmp_path.iterdir()) == []


def test_a_token_is_made_once_where_default_vcl_reads_it(tmp_path: Path) -> None:
    write(tmp_path, "--token")
    file = tmp_path / "takedown.token"
    token = file.read_text()
    assert len(token.strip()) > 20
    assert file.stat().st_mode & 0o777 == 0o640
    assert f'    var.set("token file", "{file}");' in changed(tmp_path)[1]
    write(tmp_path, "--token", "--site", "127.0.0.1:8080", "--force")
    assert file.read_text() == token


def test_what_comes_next_is_what_is_left_to_do(tmp_path: Path) -> None:
    here = write(tmp_path, "--token", "--site", "127.0.0.1:8080").output
    assert "nothing to edit" in here
    assert (
        f"--purge-url http://127.0.0.1:6090 --public-url http://127.0.0.1 --token-file {tmp_path}/takedown.token"
        in here
    )
    assert "next: set backend, acl, token file" in write(tmp_path, "--force").output


def test_files_that_a_site_has_edited_stay(tmp_path: Path) -> None:
    write(tmp_path)
    assert changed(tmp_path) == (set(), set())
    assert "differs from this version" in write(tmp_path, "--site", "127.0.0.1:8080", code=1).output
    assert changed(tmp_path) == (set(), set())
