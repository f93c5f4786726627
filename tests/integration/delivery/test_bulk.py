"""Ban in bulk: with few requests, while heartbeats go on, and while single bans overtake the bulk."""

import hashlib
import re
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from stack.edge import Edge
from stack.waiting import wait_until
from tests.support.database.check_constraints import needs_switch
from tests.support.edges.fleet import Fleet
from tests.support.faulty_proxy import Proxies

_numbers = count(1)


class Distant:
    """An edge behind a proxy that delays the purge listener by 150 ms, so that a bulk takes long."""

    def __init__(self, fleet: Fleet, proxies: Proxies, edge: Edge) -> None:
        self.fleet = fleet
        self.edge = edge
        self._proxy = proxies.to(self.edge.purge_port)
        self._proxy.up.delay = lambda: 0.15
        self.modes: list[bool] = []
        url = f"http://127.0.0.1:{self._proxy.port}"
        fleet.purger.run(
            *("edge", "add", self.edge.edge_name, "--purge-url", url, "--public-url", self.edge.url),
            *("--token-file", str(self.edge.token_file)),
        ).check_returncode()
        self.edge.wait_trusted()
        fleet.settle()

    def told(self) -> tuple[int, int]:
        """Return the number of PURGEs and BANs so far, and record whether the edge trusts its cache."""
        self.modes.append(self.edge.trusted())
        counters = self.edge.counters()
        return counters["MAIN.n_purges"], counters["MAIN.bans_added"]

    def order(self) -> list[str]:
        """Return PURGE or BAN for each of them so far, in the order of the edge's log."""
        log = self.edge.varnishlog("-g", "raw", "-i", "ReqMethod")
        return re.findall(r"^ *\d+ ReqMethod +c (PURGE|BAN)\b", log, re.MULTILINE)

    def epoch(self) -> float:
        return float(self.edge.ask("HEARTBEAT").headers["Takedown-Epoch"])

    def leave(self) -> None:
        self.fleet.purger.run("edge", "remove", self.edge.edge_name).check_returncode()


@pytest.fixture
def distant(fleet: Fleet, tmp_path: Path) -> Iterator[Distant]:
    name = f"distant{next(_numbers)}"
    with Edge(tmp_path / "edge", "127.0.0.1:1", name=name, lease=60.0) as edge, Proxies() as proxies:
        distant = Distant(fleet, proxies, edge)
        yield distant
        distant.leave()


def ban_many(fleet: Fleet, scope: str, number: int) -> None:
    """Ban ``count`` subjects in one transaction."""
    prefix = f"bulk{next(_numbers)}"
    subjects = [f"{prefix}-{each}" for each in range(number)]
    if scope == "digest":
        subjects = [hashlib.sha256(subject.encode()).hexdigest() for subject in subjects]
    fleet.sql("START TRANSACTION")
    for start in range(0, number, 5000):
        rows = ", ".join(f"('{scope}', '{subject}')" for subject in subjects[start : start + 5000])
        fleet.sql(f"INSERT INTO bans (scope, subject) VALUES {rows}")
    fleet.sql("COMMIT")


@pytest.mark.parametrize(("scope", "number"), [("owner", 20_000), ("image", 20_000), ("digest", 5000)])
def test_a_single_ban_is_told_in_the_middle_of_a_bulk(fleet: Fleet, distant: Distant, scope: str, number: int) -> None:
    (purges, before), earlier = distant.told(), len(distant.order())
    ban_many(fleet, scope, number)
    wait_until(lambda: distant.told()[1] > before + 2, "the first lists")
    fleet.ban()
    wait_until(lambda: distant.told()[0] > purges, "the single ban")
    fleet.settle()
    order = distant.order()[earlier:]
    until_then, both = order.index("PURGE"), order.count("BAN")
    # A list holds 400 or more of the 20,000 codes or owners, or 107 of the 5,000 digests, and is sent again as a
    # rebound: the single ban came before the first sending was over.
    assert both <= 2 * 60
    assert until_then < both / 2
    assert all(distant.modes)


def test_bans_by_content_that_are_committed_together_go_in_lists_and_are_acknowledged(fleet: Fleet) -> None:
    before, head = fleet.bans_added(), fleet.head()
    ban_many(fleet, "digest", 100)
    fleet.settle()
    # A list for each of the 16 digits that digests end in, or a single one at an edge that answers slowly; and again.
    assert 2 <= fleet.bans_added() - before <= 2 * 16
    method = "SELECT DISTINCT method FROM receipts WHERE edge = 'edge1' AND batch > %s"
    assert fleet.sql(method, head) == [("ban",)]
    fleet.edge.wait_trusted()
    assert "flushed" not in fleet.log()


def test_a_purger_that_is_killed_before_the_delivery_loses_no_ban_by_content(fleet: Fleet) -> None:
    before = fleet.bans_added()
    fleet.purger.pause()
    ban_many(fleet, "digest", 1)
    assert fleet.bans_added() == before, "a frozen purger cannot have delivered the ban"
    fleet.purger.kill()
    fleet.purger.start()
    fleet.settle()
    assert fleet.bans_added() >= before + 2
    assert "flushed" not in fleet.log()


def test_heartbeats_go_on_under_a_steady_stream(fleet: Fleet, distant: Distant) -> None:
    first, before = distant.epoch(), distant.told()

    def renewed_under_the_stream() -> bool:
        for _ in range(5):
            fleet.ban()
        return distant.epoch() > first + 3

    wait_until(renewed_under_the_stream, "heartbeats while there is always something that the edge has not been told")
    # PURGEs, or BANs where many bans came together. They come after the heartbeat where the stream began late.
    wait_until(lambda: distant.told() > before, "the stream at the edge")


def test_what_is_not_committed_holds_up_neither_bans_nor_heartbeats(fleet: Fleet) -> None:
    open_one = fleet.database.connect("moderation")
    open_one.start_transaction()
    with open_one.cursor() as cursor:
        for start in range(0, 50_000, 5000):
            rows = ", ".join(f"('image', 'open-{each}')" for each in range(start, start + 5000))
            cursor.execute(f"INSERT INTO bans (scope, subject) VALUES {rows}")
    purges, epoch = fleet.purges(), fleet.sql("SELECT MAX(epoch) FROM edges")
    fleet.ban()
    wait_until(lambda: fleet.purges() >= purges + 2, "the ban, twice")
    wait_until(lambda: fleet.sql("SELECT MAX(epoch) FROM edges") > epoch, "a heartbeat that is recorded")
    open_one.rollback()
    open_one.close()


def test_a_ban_that_is_committed_long_after_it_was_written_is_delivered(fleet: Fleet) -> None:
    late = fleet.database.connect("moderation")
    late.start_transaction()
    with late.cursor() as cursor:
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', 'late')")
    # By then the fast poll leaves the row out: it reads rows that were written within the last second.
    epoch = fleet.number("SELECT FLOOR(UNIX_TIMESTAMP(MAX(epoch))) FROM edges")
    wait_until(lambda: fleet.number("SELECT FLOOR(UNIX_TIMESTAMP(MAX(epoch))) FROM edges") > epoch + 3, "three seconds")
    purges = fleet.purges()
    late.commit()
    wait_until(lambda: fleet.purges() >= purges + 2, "the ban, twice")
    late.close()


def test_what_an_edge_calls_malformed_does_not_block_it(fleet: Fleet, tmp_path: Path) -> None:
    edge = Edge(tmp_path / "strict", "127.0.0.1:1", name="strict")
    purge = edge.vcl.parent / "takedown" / "purge.vcl"
    purge.write_text(purge.read_text().replace("{1,64}", "{1,32}"))
    with edge:
        fleet.purger.add_edge(edge)
        edge.wait_trusted()
        fleet.sql("INSERT INTO bans (scope, subject) VALUES ('image', %s)", "x" * 33)
        fleet.logged(f"edge strict calls PURGE /images/{'x' * 33} malformed: 400")
        fleet.logged("edge strict is flushed: a purge that it calls malformed must not block it")
        fleet.settle()
        fleet.purger.run("edge", "remove", "strict").check_returncode()


@needs_switch
def test_a_malformed_row_stops_neither_bans_nor_heartbeats(fleet: Fleet) -> None:
    fleet.sql("SET SESSION check_constraint_checks = 0")
    triggers = fleet.sql(
        """SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()
        AND EVENT_OBJECT_TABLE IN ('bans', 'invalidations') AND ACTION_TIMING = 'BEFORE'"""
    )
    for (trigger,) in triggers:
        fleet.sql(f"DROP TRIGGER {trigger}")
    fleet.sql("INSERT INTO bans (scope, subject) VALUES ('image', 'two words')")
    fleet.sql("SET SESSION check_constraint_checks = 1")
    fleet.database.migrate()
    fleet.logged("1 malformed rows were taken out of the outbox")
    fleet.ban()
    fleet.settle()
    epoch = fleet.sql("SELECT MAX(epoch) FROM edges")
    wait_until(lambda: fleet.sql("SELECT MAX(epoch) FROM edges") > epoch, "a heartbeat that is recorded")
    assert fleet.sql("SELECT scope, subject FROM unnumberable") == [("image", "two words")]
