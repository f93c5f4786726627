"""Execute prepared statements on a real server, beside the same statements as text, and lookups over each transport."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any, NamedTuple, cast

import mysql.connector
import pytest
from mysql.connector.abstracts import MySQLConnectionAbstract
from mysql.connector.connection import MySQLConnection

from origin.answering.lookup import LookupConnection
from origin.model import Found
from stack.databases.database import Database
from stack.databases.program import on_mysql
from stack.processes.ports import free_port
from takedown_db.connection.connect import connect
from takedown_db.connection.error_numbers import NO_ANSWER, ErrorNumber
from takedown_db.connection.prepared_statement import PreparedStatement
from takedown_db.statements import statement
from tests.support.certificates import Authority
from tests.support.database.procedure_call import call

#: Time-out of an execution in seconds, where nothing is to exceed it.
PATIENCE = 30.0

#: Columns of each type that lookups read, and of the others that are read alike.
_COLUMNS = """
    number INT, tiny TINYINT, small SMALLINT, medium MEDIUMINT, whole INT, big BIGINT, year_ YEAR,
    utiny TINYINT UNSIGNED, usmall SMALLINT UNSIGNED, umedium MEDIUMINT UNSIGNED, uwhole INT UNSIGNED,
    ubig BIGINT UNSIGNED, flag BOOLEAN, second_ DATETIME, milli DATETIME(3), micro DATETIME(6), stamp TIMESTAMP(6) NULL,
    ascii_ VARCHAR(255) CHARACTER SET ascii, wide VARCHAR(255) CHARACTER SET utf8mb4, fixed CHAR(3) CHARACTER SET ascii,
    long_ LONGTEXT CHARACTER SET ascii, choice ENUM('a', 'b') CHARACTER SET ascii
"""
_LOWEST = (-128, -32768, -(2**23), -(2**31), -(2**63), 1901, *[0] * 6)
_HIGHEST = (127, 32767, 2**23 - 1, 2**31 - 1, 2**63 - 1, 2155, 255, 65535, 2**24 - 1, 2**32 - 1, 2**64 - 1, 1)


class Networked(NamedTuple):
    """A database that listens on a port of 127.0.0.1 as well, with TLS for those who ask for it."""

    database: Database
    port: int

    def url(self, options: str) -> str:
        start, _, _ = self.database.url("origin").partition("@")
        return f"{start}@127.0.0.1:{self.port}/takedown?{options}"


@pytest.fixture(scope="module")
def networked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Networked]:
    directory, port = tmp_path_factory.mktemp("networked"), free_port()
    pair = Authority(directory, "ours").sign("127.0.0.1")
    options = ["--skip-networking=0", "--bind-address=127.0.0.1", f"--port={port}"]
    options += [f"--ssl-cert={pair.certificate}", f"--ssl-key={pair.key}"]
    with Database(directory / "database", options, migrated=True) as database:
        with database.connect_admin() as admin, admin.cursor() as cursor:
            for code, owner, digest in (("cat", "joe", "a" * 64), ("dog", "ann", "b" * 64), ("new", "new", "c" * 64)):
                cursor.execute("INSERT INTO images (code, owner) VALUES (%s, %s)", (code, owner))
                cursor.execute(
                    "INSERT INTO renditions (code, name, content_type, size, width, height, digest, path)"
                    " VALUES (%s, 'original', 'image/png', 5000000000, 1, 1, %s, %s)",
                    (code, digest, "tree/dog.png" if code == "dog" else None),
                )
            cursor.execute("UPDATE images SET stable_until = '2030-01-02 03:04:05' WHERE code = 'dog'")
            call(cursor, "number_invalidations(NULL, NULL, @size, @more)")
            cursor.execute("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", ("b" * 64,))
        yield Networked(database, port)


@pytest.fixture
def connection(networked: Networked) -> Iterator[MySQLConnection]:
    """Connect as the administrator with the driver in pure Python, by the socket."""
    with closing(connect(networked.database.admin_url(), timeout=int(PATIENCE), python=True)) as opened:
        assert isinstance(opened, MySQLConnection)
        yield opened


def run(connection: MySQLConnectionAbstract, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return [tuple(row) for row in cursor.fetchall()] if cursor.description else []


def prepare(connection: MySQLConnection, sql: str, timeout: float = PATIENCE) -> PreparedStatement:
    return PreparedStatement(connection, sql, timeout)


def timeless(rows: Iterable[Found]) -> list[Found]:
    """Sort rows, which come in any order, without the time at which they were read."""
    return sorted((row._replace(read_at=cast(Any, None)) for row in rows), key=str)


def execute_often(prepared: PreparedStatement) -> None:
    for _ in range(1000):
        prepared.execute({"value": "a"})


def make_rows(connection: MySQLConnection) -> None:
    """Make a table with the extremes of each type: a row of lowest values, one of highest ones, one of NULLs."""
    run(connection, f"CREATE TEMPORARY TABLE extremes ({_COLUMNS})")
    lowest = (1, *_LOWEST, "1000-01-01", "1000-01-01", "1000-01-01", "1970-01-02", "", "", "", "", "a")
    moment = "9999-12-31 23:59:58"
    highest = (
        *(2, *_HIGHEST, moment, f"{moment}.123", f"{moment}.123456", "2037-01-01 00:00:00.5"),
        *("x" * 255, "\N{GRINNING FACE}\N{LATIN SMALL LETTER E WITH ACUTE}" * 60, "abc", "y" * 70_000, "b"),
    )
    places = ", ".join(["%s"] * len(lowest))
    for row in (lowest, highest, (3, *[None] * (len(lowest) - 1))):
        run(connection, f"INSERT INTO extremes VALUES ({places})", *row)


def test_each_type_is_read_as_the_driver_reads_it_from_text(connection: MySQLConnection) -> None:
    make_rows(connection)
    query = "SELECT * FROM extremes WHERE number >= {} ORDER BY number"
    prepared = prepare(connection, query.format("%(from)s"))
    for first in (1, 3, 4, 2):
        expected = run(connection, query.format(first))
        assert prepared.execute({"from": str(first)}) == expected
        assert len(expected) == 4 - first


def test_lengths_are_read_at_each_of_their_borders(connection: MySQLConnection) -> None:
    prepared = prepare(connection, "SELECT REPEAT('x', CAST(%(size)s AS SIGNED)), %(size)s")
    for size in (0, 1, 250, 251, 252, 255, 256, 65_534, 65_535, 65_536, 100_000, 4_000_000, 3):
        assert prepared.execute({"size": str(size)}) == [("x" * size, str(size))]


def test_no_row_one_and_more_than_a_receive_takes_are_read_whole(connection: MySQLConnection) -> None:
    numbers = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 900)"
    prepared = prepare(connection, f"{numbers} SELECT i, REPEAT('z', 200) FROM n WHERE i <= %(last)s ORDER BY i")
    for last in (0, 1, 900, 2, 0):
        assert prepared.execute({"last": str(last)}) == [(number, "z" * 200) for number in range(1, last + 1)]


def test_values_are_values_whatever_they_hold(connection: MySQLConnection) -> None:
    prepared = prepare(connection, "SELECT %(one)s, %(two)s, %(one)s")
    for value in ("", "a' OR '1'='1", '\\"; --', "%(two)s", "?", "v" * 250):
        assert prepared.execute({"one": value, "two": "2"}) == [(value, "2", value)]


@pytest.mark.parametrize("value", ["v" * 251, "\N{LATIN SMALL LETTER E WITH ACUTE}"])
def test_a_value_that_cannot_be_sent_leaves_the_connection_usable(connection: MySQLConnection, value: str) -> None:
    prepared = prepare(connection, "SELECT %(value)s")
    with pytest.raises(ValueError, match=r"251 characters|ascii"):
        prepared.execute({"value": value})
    assert prepared.execute({"value": "after"}) == [("after",)]


def test_between_two_executions_the_connection_is_used_as_usual(connection: MySQLConnection) -> None:
    first, second = prepare(connection, "SELECT %(value)s, 'first'"), prepare(connection, "SELECT %(value)s, 'second'")
    for value in "abc":
        assert first.execute({"value": value}) == [(value, "first")]
        assert run(connection, "SELECT 'as usual'") == [("as usual",)]
        assert second.execute({"value": value}) == [(value, "second")]


def test_a_statement_without_parameters_is_refused(connection: MySQLConnection) -> None:
    with pytest.raises(mysql.connector.ProgrammingError, match="counts 0 parameters of 0"):
        prepare(connection, "SELECT 1")


def test_a_column_of_another_type_is_an_error_and_no_guess(connection: MySQLConnection) -> None:
    prepared = prepare(connection, "SELECT CAST(%(value)s AS DOUBLE)")
    with pytest.raises(mysql.connector.InterfaceError, match="not understood: a column has the type 5"):
        prepared.execute({"value": "1.5"})


def test_an_error_of_the_server_keeps_its_number(connection: MySQLConnection) -> None:
    run(connection, "CREATE TEMPORARY TABLE soon_gone (name VARCHAR(9) CHARACTER SET ascii)")
    prepared = prepare(connection, "SELECT name FROM soon_gone WHERE name = %(name)s")
    assert prepared.execute({"name": "a"}) == []
    run(connection, "DROP TEMPORARY TABLE soon_gone")
    with pytest.raises(mysql.connector.ProgrammingError, match="soon_gone") as caught:
        prepared.execute({"name": "a"})
    assert caught.value.errno == ErrorNumber.ER_NO_SUCH_TABLE
    assert caught.value.sqlstate == "42S02"


def test_a_killed_connection_is_an_error_at_once(networked: Networked, connection: MySQLConnection) -> None:
    prepared = prepare(connection, "SELECT %(value)s")
    assert prepared.execute({"value": "a"}) == [("a",)]
    with networked.database.connect_admin() as admin:
        run(admin, f"KILL {connection.connection_id}")
    began = time.monotonic()
    with pytest.raises(mysql.connector.Error) as caught:
        execute_often(prepared)  # the server may take a moment to carry KILL out
    # MariaDB may get its reason through before it closes: 1927, connection was killed.
    assert caught.value.errno in {*NO_ANSWER, 1053, 1317, 1927}
    assert time.monotonic() - began < PATIENCE / 2


def test_an_answer_that_is_late_is_a_lost_connection(connection: MySQLConnection) -> None:
    prepared = prepare(connection, "SELECT SLEEP(%(seconds)s)", timeout=0.2)
    began = time.monotonic()
    with pytest.raises(mysql.connector.OperationalError, match="lost the connection") as caught:
        prepared.execute({"seconds": str(PATIENCE)})
    assert caught.value.errno == ErrorNumber.CR_SERVER_LOST
    assert time.monotonic() - began < PATIENCE / 2


def test_an_answer_that_trickles_is_bounded_as_a_whole(connection: MySQLConnection) -> None:
    """Each row is sent at once, since it is larger than the server's buffer, and comes in time for itself."""
    rows = " UNION ALL ".join(f"SELECT {number} AS i" for number in range(100))
    prepared = prepare(connection, f"SELECT i, REPEAT('x', 70000), SLEEP(%(pause)s) FROM ({rows}) AS n", timeout=1.0)
    began = time.monotonic()
    with pytest.raises(mysql.connector.OperationalError, match="lost the connection"):
        prepared.execute({"pause": "0.3"})
    assert time.monotonic() - began < PATIENCE / 2


@pytest.mark.parametrize("code", ["cat", "dog", "new", "nothing"])
@pytest.mark.parametrize("rendition", ["original", "thumb"])
def test_a_lookup_finds_what_the_same_statement_finds_as_text(
    networked: Networked, connection: MySQLConnection, code: str, rendition: str
) -> None:
    text = statement("look_up_image") % {"code": f"'{code}'", "rendition": f"'{rendition}'"}
    with closing(LookupConnection(networked.database.url("origin"), timeout=30, replica=False)) as lookups:
        assert lookups._prepared  # by the socket
        rows = timeless(lookups.find(code, rendition))
    assert rows == timeless(Found._make(row) for row in run(connection, text))
    assert len(rows) >= 1
    if (code, rendition) == ("dog", "original"):
        assert {(found.size, str(found.stable_until), found.banned, found.pending, found.path) for found in rows} == {
            (5_000_000_000, "2030-01-02 03:04:05", 1, 1, "tree/dog.png")
        }


def test_a_lookup_over_tls_is_prepared_and_finds_the_same(networked: Networked) -> None:
    with (
        closing(LookupConnection(networked.url("ssl_mode=REQUIRED"), timeout=30, replica=False)) as encrypted,
        closing(LookupConnection(networked.database.url("origin"), timeout=30, replica=False)) as local,
    ):
        assert encrypted._prepared
        for code in ("cat", "dog", "nothing"):
            assert timeless(encrypted.find(code, "original")) == timeless(local.find(code, "original"))


@pytest.mark.skipif(on_mysql(), reason="accounts of MySQL take no password without TLS")
@pytest.mark.parametrize("options", ["ssl_mode=DISABLED", "ssl_mode=PREFERRED"])
def test_a_lookup_by_tcp_is_not_prepared_unless_tls_is_required(networked: Networked, options: str) -> None:
    """The driver in pure Python would send the password as it is to a server that asks for it so."""
    with closing(LookupConnection(networked.url(options), timeout=30, replica=False)) as lookups:
        assert not lookups._prepared
        assert not isinstance(lookups.driver, MySQLConnection)
        ((content_type, size, *_),) = {found[:8] for found in lookups.find("cat", "original")}
        assert (content_type, size) == ("image/png", 5_000_000_000)
