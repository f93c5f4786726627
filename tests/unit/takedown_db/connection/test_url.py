"""Parse or refuse database URLs, and never show user or password."""

import os
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import click
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from takedown_base.options import DatabaseUrlOption
from takedown_db.connection.connect import UnusableFileError, connect
from takedown_db.connection.url import Node, TlsMode, UnusableUrlError, parse_url, without_secrets

NASTY = "s3/c?r#e[t@ :p%w"
PARTS = ("s3", "c?r", "e[t", ":p%w")  # of it: none may be shown


def test_each_part_is_read() -> None:
    url = parse_url(
        "mysql://u%40x:p%2Fw@db.example:3307/na%6De?ssl_mode=verify_identity&ssl_ca=/ca&ssl_cert=/c&ssl_key=/k"
    )
    assert (url.user, url.password, url.nodes, url.name) == ("u@x", "p/w", (Node("db.example", 3307),), "name")
    assert (url.tls_mode, url.ca_file) == (TlsMode.VERIFY_IDENTITY, Path("/ca"))
    assert (url.certificate_file, url.key_file) == (Path("/c"), Path("/k"))
    assert str(url) == "mysql://db.example:3307/name"


def test_several_nodes_are_read_in_their_order() -> None:
    url = parse_url("mysql://u:p,w@db1:3307,[::1]:3308,10.0.0.3,[::2]/name?ssl_mode=DISABLED")
    assert url.nodes == (Node("db1", 3307), Node("::1", 3308), Node("10.0.0.3", 3306), Node("::2", 3306))
    assert url.password == "p,w"
    assert str(url) == "mysql://db1:3307,[::1]:3308,10.0.0.3:3306,[::2]:3306/name"


def test_several_sockets_are_read_in_their_order() -> None:
    url = parse_url("mysql://u@localhost/name?unix_socket=/a&password_file=/p&unix_socket=/b")
    assert [node.unix_socket for node in url.nodes] == ["/a", "/b"]
    assert str(url) == "mysql://localhost/name?unix_socket=/a&unix_socket=/b"


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_any_encoded_password_is_read_back_and_never_shown(password: str) -> None:
    url = parse_url(f"mysql://u:{quote(password, safe='')}@[::1]/name")
    assert url.password == password
    assert str(url) == "mysql://[::1]:3306/name"
    assert repr(url).startswith("DatabaseUrl(nodes=(Node(host='::1', port=3306, unix_socket=None),), name='name', pass")


@pytest.mark.parametrize("character", NASTY[2:])
@pytest.mark.parametrize("rest", ["@db/name", "@db:3306/name?unix_socket=/s", "@/name", "@db", "/a@b", ""])
def test_a_password_that_is_not_encoded_is_never_shown(character: str, rest: str) -> None:
    url = f"mysql://secretuser:abc{character}def{rest}"
    try:
        shown = str(parse_url(url))
    except UnusableUrlError as error:
        shown = str(error)
    assert not any(part in shown for part in ("secretuser", "abc", "def"))
    assert without_secrets(url).startswith(("mysql://", "an unusable database URL"))


@pytest.mark.parametrize("url", ["mysql:/secretuser@db/name", "mysql:secretuser@db/name"])
def test_two_slashes_that_are_missing_are_named(url: str) -> None:
    with pytest.raises(UnusableUrlError, match="// is missing after mysql:") as caught:
        parse_url(url)
    assert "secretuser" not in str(caught.value)


def test_the_message_says_what_to_encode() -> None:
    with pytest.raises(UnusableUrlError, match="percent-encode") as caught:
        parse_url(f"mysql://u:{NASTY}@db/name")
    assert not any(part in str(caught.value) for part in PARTS)


@pytest.mark.parametrize(
    ("rest", "reason"),
    [
        ("db", "must be the name of one database"),
        ("db/a/b", "must be the name of one database"),
        ("db:0/n", "port"),
        ("db:99999/n", "port"),
        ("db/n?sslmode=require", "unknown option; there are unix_socket, password_file, ssl_mode"),
        ("db/n?ssl_mode=on", "ssl_mode is none of DISABLED, PREFERRED, REQUIRED, VERIFY_CA, VERIFY_IDENTITY"),
        ("db/n?ssl_mode=VERIFY_CA", "needs ssl_ca"),
        ("db/n?ssl_cert=/c", "need each other"),
        ("db/n?ssl_ca=", "ssl_ca is empty"),
        ("localhost/n?unix_socket=/s&ssl_mode=REQUIRED", "leave ssl_mode out"),
        ("db1,,db3/n", "a host is missing beside a comma"),
        ("db1:3306,/n", "a host is missing beside a comma"),
        ("db1,db2:99999/n", "port"),
        ("db1,db2,db1:3306/n", "names a node twice"),
        ("localhost/n?unix_socket=/s&unix_socket=/s", "names a node twice"),
        ("db1,db2/n?unix_socket=/s", "both several hosts and a unix_socket"),
        ("localhost/n?unix_socket=/s&unix_socket=", "unix_socket is empty"),
    ],
)
def test_what_is_refused(rest: str, reason: str) -> None:
    with pytest.raises(UnusableUrlError, match=reason):
        parse_url(f"mysql://u@{rest}")


@pytest.mark.parametrize(
    ("rest", "mode"),
    [
        ("localhost/n?unix_socket=/s", TlsMode.PREFERRED),
        ("localhost/n", TlsMode.PREFERRED),
        ("127.3.2.1/n", TlsMode.PREFERRED),
        ("[::1]/n", TlsMode.PREFERRED),
        ("/n", TlsMode.PREFERRED),
        ("10.0.0.1/n", TlsMode.REQUIRED),
        ("db.example/n", TlsMode.REQUIRED),
        ("localhost.example/n", TlsMode.REQUIRED),
        ("localhost,127.0.0.1/n", TlsMode.PREFERRED),
        ("localhost,db.example/n", TlsMode.REQUIRED),
        ("db.example/n?ssl_mode=PREFERRED", TlsMode.PREFERRED),
        ("db.example/n?ssl_mode=disabled", TlsMode.DISABLED),
        ("localhost/n?ssl_ca=/ca", TlsMode.VERIFY_CA),
    ],
)
def test_tls_is_required_off_loopback_unless_it_is_written_otherwise(rest: str, mode: TlsMode) -> None:
    assert parse_url(f"mysql://u@{rest}").tls_mode is mode


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableFileError, match=r"password_file: .*/none cannot be read"):
        connect(f"mysql://u@localhost/n?password_file={tmp_path}/none", timeout=1)
    with pytest.raises(UnusableFileError, match=r"ssl_ca: .*/none is not there"):
        connect(f"mysql://u@localhost/n?ssl_ca={tmp_path}/none", timeout=1)
    with pytest.raises(UnusableUrlError, match="both a password and a password_file"):
        connect("mysql://u:p@localhost/n?password_file=/x", timeout=1)


@click.command()
@click.option("--url", envvar=["FIRST_URL", "SECOND_URL"], required=True, cls=DatabaseUrlOption)
def command(url: str) -> None:
    click.echo(url)


def test_a_url_comes_from_the_flag_a_variable_a_file_or_a_credential(tmp_path: Path) -> None:
    file, credential = tmp_path / "file", tmp_path / "SECOND_URL"
    file.write_text("from file\n")
    credential.write_text("from credential\n")
    for path in (file, credential):
        path.chmod(0o600)
    places = {"CREDENTIALS_DIRECTORY": str(tmp_path)}

    def said(**more: str) -> str:
        ran = CliRunner().invoke(command, env=places | more)
        assert ran.exit_code == 0, ran.output
        return ran.output

    assert said() == "from credential\n"
    assert said(SECOND_URL_FILE=str(file)) == "from file\n"
    assert said(SECOND_URL_FILE=str(file), SECOND_URL="from variable") == "from variable\n"
    assert said(SECOND_URL="from variable", FIRST_URL_FILE=str(file)) == "from file\n"
    assert CliRunner().invoke(command, ["--url", "from flag"], env=places).output == "from flag\n"


def test_credentials_that_systemd_could_not_mount_are_told_from_a_missing_url(tmp_path: Path) -> None:
    ran = CliRunner().invoke(command, env={"CREDENTIALS_DIRECTORY": str(tmp_path / "unit.service")})
    assert ran.exit_code == 2
    assert "unit.service, the directory of systemd's credentials, is not there" in " ".join(ran.output.split())
    ran = CliRunner().invoke(command, env={"CREDENTIALS_DIRECTORY": str(tmp_path)})
    assert "Missing option '--url'" in ran.output


def test_a_secret_file_that_all_can_read_is_warned_about(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("from file\n")
    file.chmod(0o644)
    ran = CliRunner().invoke(command, env={"FIRST_URL_FILE": str(file)})
    assert ran.stdout == "from file\n"
    assert ran.stderr == f"warning: every user of this machine can read {file}: chmod o-rwx it\n"


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (Path.exists, "cannot be read: No such file"),
        (os.mkfifo, "is not a regular file"),
        (Path.touch, "is empty"),
        (lambda path: path.write_text("x" * 5000), "is longer than 4,096 bytes"),
        (lambda path: path.write_bytes(b"\xff"), "is not UTF-8"),
    ],
)
def test_a_secret_file_that_cannot_be_used_is_a_usage_error(
    tmp_path: Path, make: Callable[[Path], object], reason: str
) -> None:
    make(tmp_path / "file")
    ran = CliRunner().invoke(command, env={"FIRST_URL_FILE": str(tmp_path / "file")})
    assert ran.exit_code == 2
    assert f"FIRST_URL: {tmp_path}/file {reason}" in ran.stderr
