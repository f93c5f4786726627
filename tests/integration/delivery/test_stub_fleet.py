"""Run one purger for a fleet of stub edges, which answer as an edge with the project's VCL does."""

import hashlib
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path

import pytest
import requests

from stack.databases.database import Database
from stack.edges.edge import Edge
from stack.edges.stub_fleet import StubEdges
from stack.processes.ports import free_port
from stack.processes.waiting import wait_until
from stack.purger import Purger

EDGES = 20
SILENT, SLOW = "stub0007", "stub0013"
#: Time-out of the purger for a request, in seconds: far longer than anything that a test waits for.
PATIENCE = 100.0
_numbers = count(1)


@pytest.fixture
def stubs(tmp_path: Path, database: Database) -> Iterator[StubEdges]:
    with StubEdges(tmp_path / "stubs", EDGES) as stubs:
        yield stubs
    with database.connect_admin() as admin, admin.cursor() as cursor:
        cursor.execute("DELETE FROM edges")


def ban(database: Database, stubs: StubEdges) -> str:
    """Ban a code whose purges the edges record."""
    code = f"code{next(_numbers)}"
    stubs.watch([code])
    with database.connect("moderation") as moderation, moderation.cursor() as cursor:
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (code,))
    return code


@contextmanager
def taking_no_connection() -> Iterator[str]:
    """Yield the URL of a listener whose queue is full, so that a connection to it is never made."""
    with ExitStack() as closing:
        listening = closing.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        with suppress(TimeoutError):
            while True:
                closing.enter_context(socket.create_connection(listening.getsockname(), timeout=0.2))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def test_a_silent_edge_and_a_slow_one_delay_only_themselves(
    stubs: StubEdges, database: Database, tmp_path: Path
) -> None:
    others = set(stubs.urls) - {SILENT, SLOW}
    with database.connect_admin() as admin:
        stubs.add_to(admin)

    def add(name: str, url: str) -> None:
        columns = "name, purge_url, public_url, token_file"
        with database.connect_admin() as admin, admin.cursor() as cursor:
            row = (name, url, url, str(stubs.token_file))
            cursor.execute(f"INSERT INTO edges ({columns}) VALUES (%s, %s, %s, %s)", row)

    def renewed(edges: set[str]) -> bool:
        records = stubs.records()
        return all(records[edge]["renewals"] >= 2 for edge in edges)

    def all_recorded() -> bool:
        with database.connect_admin() as admin, admin.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM edges WHERE instance IS NULL")
            return cursor.fetchall() == [(0,)]

    options = {"PURGER_READ_TIMEOUT": f"{PATIENCE}", "PURGER_CONNECT_TIMEOUT": f"{PATIENCE}"}
    with taking_no_connection() as url, Purger(tmp_path / "purger", database, options=options) as purger:
        wait_until(lambda: renewed(set(stubs.urls)), "heartbeats of all edges")
        wait_until(all_recorded, "the record of each first flush")
        add("closed", url)
        wait_until(lambda: "edge closed is followed" in purger.log_text(), "the edge that takes no connection")
        stubs.silence([SILENT])
        stubs.delay(PATIENCE / 2, [SLOW])
        for _ in range(3):
            code = ban(database, stubs)
            wait_until(lambda code=code: others <= set(stubs.arrivals(code)), f"{code} purged", PATIENCE / 4)  # type: ignore[misc]
            assert not {SILENT, SLOW} & set(stubs.arrivals(code))
        stubs.forget()
        wait_until(lambda: renewed(others), "heartbeats go on", PATIENCE / 4)
        # The requests in flight get no answer any more: end them with the purger.
        stubs.silence([SILENT], silent=False)
        stubs.delay(0, [SLOW])
        purger.kill()
        stubs.watch([code])
        purger.start()
        wait_until(lambda: {SILENT, SLOW} <= set(stubs.arrivals(code)), "they get what they missed")
        assert "is flushed: it" not in purger.log_text()
        purger.kill()  # it would wait for its connection


def test_a_bulk_to_an_edge_far_away_takes_a_few_round_trips_and_lets_a_single_ban_pass(
    stubs: StubEdges, database: Database, tmp_path: Path
) -> None:
    far, round_trip, lists = "stub0001", 0.4, 100
    with database.connect_admin() as admin:
        stubs.add_to(admin)
    with Purger(tmp_path / "purger", database):
        wait_until(lambda: all(each["renewals"] >= 2 for each in stubs.records().values()), "heartbeats of all edges")
        stubs.delay(round_trip, [far])
        with purging_lists(database, lists):
            stubs.forget()
        began = time.monotonic()
        wait_until(lambda: stubs.records()[far]["requests"] > 4, "the first lists")
        code = ban(database, stubs)
        wait_until(lambda: code_arrived(stubs, code), "the single ban")
        assert stubs.records()[far]["requests"] < 1.5 * lists, "before the rebounds"
        wait_until(lambda: stubs.records()[far]["requests"] > 2 * lists, "all lists and their rebounds", PATIENCE)
        # One after the other they would take 200 round trips.
        assert time.monotonic() - began < 100 * round_trip


@contextmanager
def purging_lists(database: Database, lists: int) -> Iterator[None]:
    """Write purges of digests, as many as fit into so many lists, and commit them at the end of the block."""
    name = next(_numbers)
    digests = [hashlib.sha256(f"{name}-{number}".encode()).hexdigest() for number in range(104 * lists)]
    with database.connect_admin() as admin, admin.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        rows = ", ".join(f"('digest', '{digest}', 'lift')" for digest in digests)
        cursor.execute(f"INSERT INTO invalidations (scope, subject, cause) VALUES {rows}")
        yield
        cursor.execute("COMMIT")


def code_arrived(stubs: StubEdges, code: str) -> bool:
    return len(stubs.arrivals(code)) == EDGES


@pytest.fixture
def edge(tmp_path: Path) -> Iterator[Edge]:
    with Edge(tmp_path / "edge", f"127.0.0.1:{free_port()}") as edge:
        yield edge


def test_a_stub_answers_as_an_edge_does(stubs: StubEdges, edge: Edge) -> None:
    """Send the same requests to both, each with the instance and the clock that it has named."""
    url = stubs.urls["stub0001"]
    places = [(url, stubs.token_file.read_text().strip()), (edge.purge_url, edge.token())]

    def state(url: str, token: str, method: str, path: str, **fields: str) -> tuple[object, ...]:
        asked = requests.request("HEARTBEAT", url, headers={"Authorization": f"Bearer {token}"}, timeout=PATIENCE)
        replaced = {"NOW": asked.headers["Takedown-Now"], "OURS": asked.headers["ETag"]}
        headers = {"Authorization": f"Bearer {token}"}
        headers |= {name.replace("_", "-"): replaced.get(value, value) for name, value in fields.items()}
        answer = requests.request(method, url + path, headers=headers, timeout=PATIENCE)
        named = {name for name in answer.headers if name.startswith("Takedown-")}
        kept = [answer.headers.get(name) for name in ("Takedown-Batch", "Takedown-Mode", "Takedown-Removed")]
        return (answer.status_code, sorted(named), *kept)

    def both(method: str, path: str = "/", **fields: str) -> tuple[object, ...]:
        stub, real = (state(*place, method, path, **fields) for place in places)
        assert stub == real, (method, path, fields)
        return stub

    assert both("HEARTBEAT")[0] == 200
    assert both("HEARTBEAT", Authorization="Bearer wrong")[0] == 403
    assert both("HEARTBEAT", If_Match='"another"')[0] == 412
    assert both("BAN", Takedown_All="1", Takedown_Batch="7:a")[2] == "7:a"
    one, many = {"Takedown_Tags": "i:cat"}, {"Takedown_Tags": f"o:joe,d:{'0' * 64},i:dog"}
    assert both("PURGE", If_Match="OURS", Takedown_Batch="8:b", Takedown_After="7:a", **one)[2:] == (
        "8:b",
        "fail-safe",
        "0",
    )
    assert both("PURGE", Takedown_Batch="9:c", Takedown_After="7:a", **one)[2] == "8:b"
    assert both("PURGE", Takedown_Batch="6:z", Takedown_After="8:b", **one)[2] == "8:b"
    assert both("PURGE", Takedown_Part_Of="9", Takedown_After="8:b", **one)[2] == "8:b"
    assert both("PURGE", Takedown_Batch="9:c", Takedown_After="8:b", **many)[2] == "9:c"
    assert both("PURGE", "/images/cat/thumb", **one)[0] == 400
    for tags in ("", "i:", "x:cat", "i:cat,", "i:cat, i:dog", "d:abc", "i:a b"):
        assert both("PURGE", Takedown_Tags=tags)[0] == 400
    assert both("PURGE")[0] == 400
    assert both("BAN", **one)[0] == 400
    assert both("BAN")[0] == 400
    assert both("BAN", Takedown_All="1", Takedown_Part_Of="9", Takedown_After="9:c")[2] == "9:c"
    assert both("HEARTBEAT", Takedown_Epoch="NOW", Takedown_Batch="8:b")[0] == 412
    assert both("HEARTBEAT", Takedown_Epoch="NOW", Takedown_Batch="9:c")[3] == "trusted"
    assert both("HEARTBEAT", Takedown_Epoch="99999999999.000")[0] == 400
    assert both("HEARTBEAT", Takedown_Batch="nine")[0] == 400
    assert both("BAN", Takedown_All="1", Takedown_Batch="3:d")[2] == "3:d"
    assert both("OPTIONS")[0] == 405
