"""Check a purger's pages for monitoring, made of threads that only seem to run."""

import socket
import threading
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from purger.delivery.session import EdgeMode
from purger.edge.errors import UnreachableError
from purger.metrics_listener import PurgerMetrics
from purger.model import LogBacklog
from purger.records.takedown_lines import BOUNDS, STAGES, Histogram
from purger.records.tally import Tally
from purger.service import CannotListenError, run
from purger.settings import Settings
from takedown_base.http.metrics_text import metrics_page
from takedown_base.listen_address import Address
from takedown_db.schema.triggers import Triggers


def worker(name: str, *, acknowledged: int = 7, mode: str = "trusted", left: float | None = 9.0) -> Any:
    known = EdgeMode()
    known.heard(mode, left=left, at=time.monotonic())
    return SimpleNamespace(edge=SimpleNamespace(name=name), mode=known, acknowledged=acknowledged)


class Purger:
    """The parts of a purger that monitoring asks."""

    def __init__(self, *workers: Any) -> None:
        self.tally = Tally()
        self.takedown_lines = SimpleNamespace(gone={stage: Histogram(BOUNDS) for stage in STAGES})
        self.poller = SimpleNamespace(head=7, verification=None)
        self.sharing = SimpleNamespace(polled_lately=lambda: True, present_count=lambda: 2)
        self.thread = threading.Thread(target=lambda: None, name="prober")
        self.webhooks: list[Any] = [SimpleNamespace(name="cases", waiting=3, oldest=1.5, dead=1)]
        self.metrics = PurgerMetrics(
            self.tally,
            cast(Any, self.takedown_lines),
            cast(Any, SimpleNamespace(oldest=lambda: 1.5, log=LogBacklog(batches=2, entries=3, seconds=4.5))),
            cast(Any, self.poller),
            cast(Any, self.sharing),
            lambda: workers,
            [self.thread],
            cast(Any, SimpleNamespace(backlog=self.webhooks, requests={("cases", True): 7, ("cases", False): 2})),
        )

    def lines(self) -> dict[str, str]:
        text = metrics_page(self.metrics.metrics()).text
        return dict(line.rsplit(" ", 1) for line in text.splitlines() if line and not line.startswith("#"))


def test_a_purger_shows_the_edges_alone_that_it_follows() -> None:
    began = time.monotonic()
    purger = Purger(worker("edge1", acknowledged=4), worker("edge2", mode="fail-safe", left=None))
    for edge in ("edge1", "edge2", "moved"):
        with purger.tally.delivery(edge, "purge"):
            pass
    lines = purger.lines()
    assert lines['takedown_backlog_batches{edge="edge1"}'] == "3.0"
    assert lines['takedown_backlog_batches{edge="edge2"}'] == "0.0"
    passed = time.monotonic() - began
    assert 9.0 - passed <= float(lines['takedown_lease_remaining_seconds{edge="edge1"}']) <= 9.0
    assert lines['takedown_lease_remaining_seconds{edge="edge2"}'] == "0.0"
    assert lines['takedown_edge_mode{edge="edge1",mode="trusted"}'] == "1.0"
    assert lines['takedown_edge_mode{edge="edge2",mode="trusted"}'] == "0.0"
    assert lines['takedown_edge_mode{edge="edge2",mode="fail-safe"}'] == "1.0"
    assert lines["takedown_edges_followed"] == "2.0"
    assert lines['takedown_deliveries_total{edge="edge1",method="purge",result="acknowledged"}'] == "1.0"
    assert not any("moved" in line for line in lines)


def test_an_edge_that_does_not_tell_its_lease_has_a_mode_and_no_number() -> None:
    lines = Purger(worker("old", left=None)).lines()
    assert lines['takedown_edge_mode{edge="old",mode="trusted"}'] == "1.0"
    assert not any(line.startswith("takedown_lease_remaining_seconds{") for line in lines)


def test_findings_triggers_and_presence_are_shown() -> None:
    purger = Purger(worker("edge1"), worker("edge2"))
    assert purger.lines()["takedown_audit_served_total"] == "0.0"
    purger.tally.flushes["edge1"] += 1
    purger.tally.judged(probes=10, unproven=2, served=1)
    purger.tally.probes_waiting = lambda: 3
    purger.poller.verification = SimpleNamespace(triggers=Triggers("f", missing=("a", "b"), weakened=("c",)))
    lines = purger.lines()
    assert lines['takedown_probe_flushes_total{edge="edge1"}'] == "1.0"
    assert lines['takedown_probe_flushes_total{edge="edge2"}'] == "0.0"
    assert lines["takedown_audit_served_total"] == "1.0"
    assert lines["takedown_audit_probes_total"] == "10.0"
    assert lines["takedown_audit_unproven_total"] == "2.0"
    assert lines["takedown_probes_waiting"] == "3.0"
    assert lines["takedown_triggers_missing"] == "2.0"
    assert lines["takedown_triggers_weakened"] == "1.0"
    assert lines["takedown_purgers_present"] == "2.0"
    assert lines["takedown_oldest_pending_seconds"] == "1.5"
    assert (lines["takedown_log_waiting"], lines["takedown_log_oldest_waiting_seconds"]) == ("5.0", "4.5")


def test_the_times_of_takedowns_are_a_histogram_a_stage() -> None:
    purger = Purger()
    purger.takedown_lines.gone["acknowledged"].observe(0.004, times=3)
    lines = purger.lines()
    assert lines['takedown_gone_seconds_bucket{le="0.0025",stage="acknowledged"}'] == "0.0"
    assert lines['takedown_gone_seconds_bucket{le="0.005",stage="acknowledged"}'] == "3.0"
    assert lines['takedown_gone_seconds_count{stage="acknowledged"}'] == "3.0"
    assert lines['takedown_gone_seconds_count{stage="seen"}'] == "0.0"


def test_a_thread_that_has_ended_is_named() -> None:
    purger = Purger()
    assert purger.metrics.dead_threads() == ["the thread prober has ended"]


def test_a_request_that_failed_is_counted_by_its_kind() -> None:
    purger = Purger(worker("edge1"))
    with pytest.raises(UnreachableError), purger.tally.delivery("edge1", "ask"):
        raise UnreachableError
    assert purger.lines()['takedown_deliveries_total{edge="edge1",method="ask",result="unreachable"}'] == "1.0"


def test_a_port_that_is_taken_is_an_error_before_anything_starts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = Address(*taken.getsockname())
        with pytest.raises(CannotListenError, match=f"cannot listen on {address}: Address already in use"):
            run(Settings(database_url="mysql://nobody@127.0.0.1/nothing", metrics=address))


def test_receivers_of_webhooks_show_what_waits_for_them() -> None:
    lines = Purger().lines()
    assert lines['takedown_webhook_waiting{webhook="cases"}'] == "3.0"
    assert lines['takedown_webhook_oldest_waiting_seconds{webhook="cases"}'] == "1.5"
    assert lines['takedown_webhook_dead{webhook="cases"}'] == "1.0"
    assert lines['takedown_webhook_requests_total{result="told",webhook="cases"}'] == "7.0"
    assert lines['takedown_webhook_requests_total{result="failed",webhook="cases"}'] == "2.0"
