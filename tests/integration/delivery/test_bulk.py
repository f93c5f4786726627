"""Ban in bulk: with few requests, while heartbeats go on, and while single bans overtake the bulk."""

import hashlib
import re
import time
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest

from stack.edges.edge import Edge
from stack.processes.waiting import wait_until
from tests.support.database.check_constraints import needs_switch
from tests.support.edges.fleet import Fleet
from tests.support.faulty_proxy import Proxies

_numbers = count(1)


class Distant:
    """An edge behind a proxy that delays the purge listener, so that a bulk takes long."""

    def __init__(self, fleet: Fleet, proxies: Proxies, edge: Edge) -> None:
        self.fleet = fleet
        self.edge = edge
        self._proxy = proxies.to(self.edge.purge_port)
        url = f"http://127.0.0.1:{self._proxy.port}"
        fleet.purger.run(
            *("edge", "add", self.edge.edge_name, "--purge-url", url, "--public-url", self.edge.url),
            *("--token-file", str(self.edge.token_file)),
        ).check_returncode()
        self.edge.wait_trusted()
        fleet.settle()

    def delay(self, seconds: float) -> None:
        self._proxy.up.delay = lambda: seconds

    def lists(self) -> list[str]:
        """Return the tags of each purge so far, cut to 255 bytes, in the order of the edge's log."""
        log = self.edge.varnishlog("-g", "raw", "-I", "ReqHeader:^Takedown-Tags:")
        return re.findall(r"Takedown-Tags: (\S+)$", log, re.MULTILINE)

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


def purge_many(fleet: Fleet, number: int) -> None:
    """Commit so many purges in one transaction, of images, owners and digests in turn. They are of no bans.

    A third of a second is enough for 10,000 of them, and for bans it takes several.
    """
    prefix = f"bulk{next(_numbers)}"
    fleet.sql("START TRANSACTION")
    for start in range(0, number, 9000):
        numbers = range(start, min(start + 9000, number))
        subjects = [f"{prefix}-{each}" for each in numbers]
        subjects[2::3] = [hashlib.sha256(subject.encode()).hexdigest() for subject in subjects[2::3]]
        scopes = [("image", "owner", "digest")[each % 3] for each in numbers]
        rows = ", ".join(f"('{scope}', '{subject}', 'lift')" for scope, subject in zip(scopes, subjects, strict=True))
        fleet.sql(f"INSERT INTO invalidations (scope, subject, cause) VALUES {rows}")
    fleet.sql("COMMIT")


def test_a_single_ban_is_told_in_the_middle_of_a_bulk(fleet: Fleet, distant: Distant) -> None:
    distant.delay(0.12)
    earlier = len(distant.lists())
    purge_many(fleet, 9000)
    wait_until(lambda: len(distant.lists()) > earlier + 2, "the first lists")
    code = fleet.ban()
    fleet.settle()
    order = distant.lists()[earlier:]
    firsts = [tags.partition(",")[0] for tags in order]
    # A list holds 107 of the 3,000 digests, or some 500 of the others, and is sent again as a rebound: the single ban
    # came before the first sending was over.
    assert 2 * 30 < len(order) < 2 * 60
    assert firsts.index(f"i:{code}") < len(order) / 2
    # A ban that comes while no plan is made of its batch goes first in the next one, and not before its turn.
    assert firsts.count(f"i:{code}") >= 2, "in its turn, perhaps before it, and as a rebound"


def test_an_edge_gets_heartbeats_as_soon_as_it_has_a_bulk_of_all_scopes(fleet: Fleet, distant: Distant) -> None:
    head, ages, numbered = fleet.head(), list[float](), list[float]()
    purge_many(fleet, 100_000)
    committed = time.monotonic()
    numbering = "SELECT COALESCE(SUM(size), 0) FROM batches WHERE batch > %s"

    def over() -> bool:
        headers = distant.edge.ask("HEARTBEAT").headers
        assert headers["Takedown-Mode"] == "trusted"
        ages.append(float(headers["Takedown-Now"]) - float(headers["Takedown-Epoch"]))
        if not numbered and fleet.number(numbering, head) >= 100_000:
            numbered.append(time.monotonic() - committed)
        return bool(numbered) and ages[-1] < 2 and fleet.settled()

    wait_until(over, "the bulk", 120)
    # What the database takes to number the rows, a second for the rebound, and two between heartbeats.
    assert max(ages) < numbered[0] + 4
    assert fleet.sql("SELECT DISTINCT method FROM receipts WHERE batch > %s", head) == [("purge",)]


def test_a_purger_that_is_killed_before_the_delivery_loses_no_ban_by_content(fleet: Fleet) -> None:
    before = fleet.purges()
    fleet.purger.pause()
    fleet.sql("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", hashlib.sha256(b"bytes").hexdigest())
    assert fleet.purges() == before, "a frozen purger cannot have delivered the ban"
    fleet.purger.kill()
    fleet.purger.start()
    fleet.settle()
    assert fleet.purges() >= before + 2
    assert "flushed" not in fleet.log()


def test_heartbeats_go_on_under_a_steady_stream(fleet: Fleet, distant: Distant) -> None:
    distant.delay(0.15)
    first, before = distant.epoch(), len(distant.lists())

    def renewed_under_the_stream() -> bool:
        for _ in range(5):
            fleet.ban()
        return distant.epoch() > first + 3

    wait_until(renewed_under_the_stream, "heartbeats while there is always something that the edge has not been told")
    # They come after the heartbeat where the stream began late.
    wait_until(lambda: len(distant.lists()) > before, "the stream at the edge")


def test_what_is_not_committed_holds_up_neither_bans_nor_heartbeats(fleet: Fleet) -> None:
    open_one = fleet.database.connect_admin()
    open_one.start_transaction()
    with open_one.cursor() as cursor:
        for start in range(0, 50_000, 10_000):
            rows = ", ".join(f"('image', 'open-{each}', 'lift')" for each in range(start, start + 10_000))
            cursor.execute(f"INSERT INTO invalidations (scope, subject, cause) VALUES {rows}")
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
        fleet.logged(f"edge strict calls the purge of i:{'x' * 33} malformed: 400")
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
