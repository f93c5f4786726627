"""Connect to the database over TLS: required TLS is never dropped, and only the named server is accepted."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import mysql.connector
import pytest

from stack.databases.database import Database
from stack.databases.program import on_mysql
from stack.processes.ports import free_port
from stack.purger import Purger
from takedown_db.connection.connect import NotEncryptedError, connect
from takedown_db.connection.errors import explain
from tests.support.certificates import Authority


class Served(NamedTuple):
    """A database with TLS on a port of 127.0.0.1, and the authority of its certificate."""

    database: Database
    port: int
    ours: Authority
    other: Authority

    def url(self, options: str, host: str = "127.0.0.1") -> str:
        start, _, _ = self.database.url("purger").partition("@")
        return f"{start}@{host}:{self.port}/takedown{'?' if options else ''}{options}"


def _with_network(directory: Path, *options: str) -> tuple[Database, int]:
    port = free_port()
    tls = [] if on_mysql() else ["--ssl"]
    network = ["--skip-networking=0", "--bind-address=127.0.0.1", f"--port={port}"]
    return Database(directory, [*network, *tls, *options]), port


def _cipher(url: str) -> str:
    with connect(url, timeout=10) as connection, connection.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Ssl_cipher'")
        row = cursor.fetchone()
    assert isinstance(row, tuple)
    return str(row[1])


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    directory = tmp_path_factory.mktemp("tls")
    ours, other = Authority(directory, "ours"), Authority(directory, "other")
    server = ours.sign("127.0.0.1")
    database, port = _with_network(
        directory / "database", f"--ssl-cert={server.certificate}", f"--ssl-key={server.key}", f"--ssl-ca={ours.file}"
    )
    with database:
        database.migrate()
        yield Served(database, port, ours, other)


@pytest.mark.parametrize("mode", ["REQUIRED", "VERIFY_CA", "VERIFY_IDENTITY"])
def test_the_right_authority_is_accepted(served: Served, mode: str) -> None:
    assert _cipher(served.url(f"ssl_mode={mode}&ssl_ca={served.ours.file}"))


def test_a_connection_without_tls_is_made_when_it_is_asked_for(served: Served) -> None:
    assert _cipher(served.url("ssl_mode=DISABLED")) == ""


@pytest.mark.parametrize("mode", ["VERIFY_CA", "VERIFY_IDENTITY"])
def test_another_authority_is_refused(served: Served, mode: str) -> None:
    with pytest.raises(mysql.connector.Error, match="certificate verify failed") as caught:
        connect(served.url(f"ssl_mode={mode}&ssl_ca={served.other.file}"), timeout=10)
    assert "check that the server has it, that ssl_ca" in explain(caught.value)


def test_another_host_name_is_refused_by_verify_identity_alone(served: Served) -> None:
    options = f"ssl_ca={served.ours.file}&ssl_mode="
    assert _cipher(served.url(options + "VERIFY_CA", host="localhost"))
    with pytest.raises(mysql.connector.Error) as caught:
        connect(served.url(options + "VERIFY_IDENTITY", host="localhost"), timeout=10)
    assert "that this names the URL's host" in explain(caught.value)


def test_a_client_certificate_is_sent(served: Served) -> None:
    pair = served.ours.sign("client.example")
    with served.database.connect_admin() as admin, admin.cursor() as cursor:
        cursor.execute("ALTER USER takedown_purger REQUIRE X509")
    try:
        with pytest.raises(mysql.connector.Error, match="Access denied"):
            connect(served.url("ssl_mode=REQUIRED"), timeout=10)
        assert _cipher(served.url(f"ssl_mode=REQUIRED&ssl_cert={pair.certificate}&ssl_key={pair.key}"))
    finally:
        with served.database.connect_admin() as admin, admin.cursor() as cursor:
            cursor.execute("ALTER USER takedown_purger REQUIRE NONE")


@pytest.mark.skipif(on_mysql(), reason="accounts of MySQL take no password without TLS")
def test_a_server_without_tls_is_refused_where_tls_is_required(tmp_path: Path) -> None:
    database, port = _with_network(tmp_path / "database", "--skip-ssl")
    with database:
        database.migrate()
        served = Served(database, port, Authority(tmp_path, "ours"), Authority(tmp_path, "other"))
        assert _cipher(served.url("")) == ""
        with pytest.raises(NotEncryptedError, match=r"127\.0\.0\.1 offers no TLS"):
            connect(served.url("ssl_mode=REQUIRED"), timeout=10)
        with pytest.raises(mysql.connector.Error):
            connect(served.url(f"ssl_ca={served.ours.file}"), timeout=10)
        purger = Purger(tmp_path / "purger", database)
        ran = purger.run("edge", "list", "--database-url", served.url("ssl_mode=REQUIRED"))
        assert ran.returncode == 1
        assert "offers no TLS: switch it on there, or write ssl_mode=DISABLED" in ran.stderr
