"""Follow takedowns through metrics, dashboard, alerts and log of one system, whose parts are then broken."""

import json
import re
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests
from mysql.connector.abstracts import MySQLCursorAbstract

from purger.webhooks.signature import new_secret
from stack.processes.ports import free_port
from stack.processes.server import away, frozen
from stack.processes.waiting import PATIENCE, wait_until
from stack.system import Stack, StackSettings
from tests.support.database.procedure_call import call
from tests.support.pages.markdown_pages import ROOT, rows, section
from tests.support.prometheus import Prometheus
from tests.support.purgers.receipts_command import wait_proven
from tests.support.sites.site_actions import Site
from tests.support.webhook_receiver import Receiver

DASHBOARD = ROOT / "deploy" / "grafana" / "edge-takedown.json"
PAGE = ROOT / "docs/operate/metrics.md"

PURGER, ORIGIN = free_port(), free_port()


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run a system that shows metrics and logs JSON, two of its origin's processes and both of its edges."""
    directory = tmp_path_factory.mktemp("metrics")
    settings = StackSettings(
        edges=2,
        edge_settings={"lease": 4.0},
        origin_options={
            "ORIGIN_METRICS": str(ORIGIN),
            "ORIGIN_WORKERS": "2",
            "ORIGIN_LOG_FORMAT": "json",
            "ORIGIN_ACCESS_LOG": str(directory / "access.log"),
        },
        purger_options={
            "PURGER_METRICS": str(PURGER),
            "PURGER_LOG_FORMAT": "json",
            "PURGER_READ_TIMEOUT": "1",
            "PURGER_AUDIT_INTERVAL": "86400",
        },
    )
    secret = directory / "secret"
    secret.write_text(new_secret())
    with Stack(directory / "stack", settings) as running, Receiver(directory / "receiver", secret) as receiver:
        added = running.purger.run("webhook", "add", "cases", "--url", receiver.url, "--secret-file", str(secret))
        assert added.returncode == 0, added.stderr
        yield running


@pytest.fixture(scope="module")
def prometheus(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    assert stack.purger.running()
    directory = tmp_path_factory.mktemp("prometheus") / "server"
    targets = {"purger": [f"127.0.0.1:{PURGER}"], "origin": [f"127.0.0.1:{ORIGIN}"]}
    with Prometheus(directory, targets) as running:
        yield running


def page(port: int, path: str = "metrics") -> requests.Response:
    return requests.get(f"http://127.0.0.1:{port}/{path}", timeout=PATIENCE)


def values(port: int) -> dict[str, float]:
    """Read the metrics of a listener, each with its labels as they stand on the page."""
    lines = [line for line in page(port).text.splitlines() if line and not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def logged(stack: Stack, **fields: object) -> list[dict[str, Any]]:
    """Return the lines of the purger's log that have these fields."""
    whole, _, _ = stack.purger.log_text().rpartition("\n")
    lines = [json.loads(line) for line in whole.splitlines()]
    return [line for line in lines if fields.items() <= line.items()]


def acknowledged(stack: Stack, ban: int) -> list[dict[str, Any]]:
    """Return the lines of the purger's log about acknowledgements of a ban."""
    return [line for line in logged(stack, message="acknowledged") if ban in line.get("bans", ())]


def ban_id(site: Site, subject: str) -> int:
    with site.admin.cursor() as cursor:
        cursor.execute("SELECT id FROM bans WHERE subject = %s", (subject,))
        ((ban,),) = cursor.fetchall()
    return int(str(ban))


def test_a_takedown_is_followed_by_grep_from_row_to_receipt(site: Site) -> None:
    code = site.new_image()
    site.ban(code)
    receipts = wait_proven(site, code)
    ban = ban_id(site, code)
    stack = site.stack
    wait_until(lambda: len(logged(stack, ban=ban, message="seen gone")) == 2 or None, "both edges seen gone in the log")
    # The log of takedowns may read number and acknowledgements before they come, and the proofs after it.
    wait_until(lambda: len(acknowledged(stack, ban)) == 2, "both acknowledgements in the log")
    (numbered,) = wait_until(lambda: logged(stack, message="numbered", ban=ban), "the line of its number")

    assert (numbered["cause"], numbered["scope"], numbered["subject"]) == ("ban", "image", code)
    told = acknowledged(stack, ban)
    assert {line["edge"] for line in told} == {"edge1", "edge2"} == receipts.keys()
    for line in told:
        assert line.get("first_batch", line["batch"]) <= numbered["batch"] <= line["batch"]
        assert line["method"] == "purge"
        assert 0 <= line["seconds"] < PATIENCE
    for seen in logged(stack, message="seen gone", ban=ban):
        assert (seen["batch"], seen["row"], seen["status"]) == (numbered["batch"], numbered["row"], 410)
        (before,) = (line for line in told if line["edge"] == seen["edge"])
        assert before["seconds"] <= seen["seconds"]


def test_metrics_count_a_takedown_at_each_edge_and_name_no_code_and_no_owner(site: Site) -> None:
    owner = site.new_owner()
    code = site.new_image(owner)
    before = values(PURGER)
    site.ban(code)
    site.ban(owner, scope="owner")
    wait_proven(site, code)

    def done() -> bool:
        counts = [f'takedown_gone_seconds_count{{stage="{stage}"}}' for stage in ("acknowledged", "seen")]
        return all(values(PURGER)[each] - before[each] >= 4 for each in counts)

    wait_until(done, "two bans acknowledged and seen at two edges")
    after = wait_until(all_well, "the purger is present, both edges are trusted, and have everything")
    for edge in ("edge1", "edge2"):
        purges = f'takedown_deliveries_total{{edge="{edge}",method="purge",result="acknowledged"}}'
        assert after[purges] > before.get(purges, 0)
        assert after[f'takedown_edge_mode{{edge="{edge}",mode="fail-safe"}}'] == 0
        assert after[f'takedown_lease_remaining_seconds{{edge="{edge}"}}'] <= 4
    assert after["takedown_audit_served_total"] == 0
    assert after["takedown_audit_probes_total"] >= before["takedown_audit_probes_total"] + 4
    assert after["takedown_triggers_missing"] == 0
    assert after["takedown_edges_followed"] == 2
    text = page(PURGER).text + page(ORIGIN).text
    assert code not in text
    assert owner not in text


def all_well() -> dict[str, float] | None:
    """Read the metrics of a moment at which only the purger is present and both edges are trusted.

    Nothing waits for them. None at other moments.
    """
    now = values(PURGER)
    if now["takedown_purgers_present"] != 1:
        return None
    for edge in ("edge1", "edge2"):
        trusted = now[f'takedown_edge_mode{{edge="{edge}",mode="trusted"}}'] == 1
        if not trusted or now[f'takedown_lease_remaining_seconds{{edge="{edge}"}}'] <= 0:
            return None
        if now[f'takedown_backlog_batches{{edge="{edge}"}}']:
            return None
    return now


def test_probes_that_wait_are_counted(site: Site) -> None:
    codes: list[str] = []

    def waits() -> bool:
        # Until the purger has read the setting, it still sees a removed image at the URL of before.
        codes.append(site.new_image())
        site.ban(codes[-1])
        return values(PURGER)["takedown_probes_waiting"] >= 1

    edge, purger = site.stack.edges[1], site.stack.purger
    purger.run("edge", "set", "edge2", "--public-url", f"http://127.0.0.1:{free_port()}").check_returncode()
    try:
        wait_until(waits, "a probe of edge2 waits")
    finally:
        purger.run("edge", "set", "edge2", "--public-url", edge.url).check_returncode()
    wait_proven(site, codes[-1])
    wait_until(lambda: values(PURGER)["takedown_probes_waiting"] == 0 or None, "no probe waits")


def test_what_waits_for_the_signed_log_is_counted(site: Site) -> None:
    def status() -> str:
        return site.stack.purger.run("status").stdout

    with site.stack.database.connect_admin() as holder, holder.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT size FROM log_state FOR UPDATE")  # the writer waits for it before it appends
        cursor.fetchall()
        site.ban(site.new_image())
        wait_until(lambda: values(PURGER)["takedown_log_waiting"] >= 1, "the ban's batch waits")
        assert values(PURGER)["takedown_log_oldest_waiting_seconds"] > 0
        assert "wait for their place in the signed log, the oldest for " in status()
    wait_until(lambda: values(PURGER)["takedown_log_waiting"] == 0 or None, "nothing waits")
    wait_until(lambda: "signed log: nothing waits for its place" in status(), "status says so too")


def test_a_ban_that_was_written_long_before_its_commit_counts_from_its_commit(site: Site) -> None:
    """A session may also set its clock: the measured time is never too short, and too long by a second at most."""
    total = 'takedown_gone_seconds_sum{stage="acknowledged"}'
    count = 'takedown_gone_seconds_count{stage="acknowledged"}'
    site.stack.settle()
    before = values(PURGER)
    with site.admin.cursor() as cursor:
        cursor.execute("SET TIMESTAMP = 1000000000")
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', 'long-ago')")
        cursor.execute("SET TIMESTAMP = DEFAULT")
    site.admin.commit()
    wait_until(lambda: values(PURGER)[count] >= before[count] + 2 or None, "the ban acknowledged at both edges")
    assert values(PURGER)[total] - before[total] < 2 * PATIENCE


def test_the_processes_of_an_origin_are_counted_as_one(site: Site) -> None:
    def served() -> float:
        return values(ORIGIN)['takedown_origin_requests_total{status="404"}']

    before, sent = served(), values(ORIGIN)["takedown_origin_sent_bytes_total"]
    for number in range(20):  # each over a connection of its own, which the kernel gives to either process
        url = f"{site.stack.origin.url}/images/unknown-{number}"
        wait_until(partial(unknown, url), "a lookup in time")
    # An answer is counted, and written into the access log, once it is sent.
    wait_until(lambda: served() - before >= 20, "all answers counted")
    assert served() - before == 20
    after = values(ORIGIN)
    assert after["takedown_origin_processes"] == 2
    assert after["takedown_origin_sent_bytes_total"] - sent > 20 * 100
    assert after["takedown_origin_lookup_seconds_count"] >= 20
    log = site.stack.directory.parent / "access.log"

    def lines() -> list[str]:
        return [line for line in log.read_text().splitlines() if "/images/unknown-" in line and '" 503 ' not in line]

    wait_until(lambda: len(lines()) >= 20, "all answers in the access log")
    assert len(lines()) == 20
    form = (
        r'127\.0\.0\.1 - - \[[^]]+ \+0000\] "GET /images/unknown-\d+ HTTP/1\.1" 404 \d+ "-" '
        r'"a \\x22quote\\x22" \d+\.\d{6}'
    )
    assert all(re.fullmatch(form, line) for line in lines())


def unknown(url: str) -> bool:
    """Ask for an image that is not there. Returns False for a lookup that came too late, on a busy machine."""
    answer = requests.get(url, timeout=PATIENCE, headers={"User-Agent": 'a "quote"'})
    assert answer.status_code in (404, 503)
    return answer.status_code == 404


def test_a_process_of_the_origin_that_dies_is_replaced_and_its_counts_stay(site: Site) -> None:
    assert {site.get(f"nobody-has-{each}").status_code for each in range(20)} == {404}
    before = values(ORIGIN)['takedown_origin_requests_total{status="404"}']
    assert before >= 20
    first = serving_processes(site.stack)
    assert len(first) == values(ORIGIN)["takedown_origin_processes"] == 2
    psutil.Process(min(first)).kill()
    wait_until(lambda: len(serving_processes(site.stack) - first) == 1 or None, "the process is replaced")
    wait_until(lambda: values(ORIGIN)["takedown_origin_processes"] == 2, "two processes are counted")
    # Probes of edges may have added to them.
    assert values(ORIGIN)['takedown_origin_requests_total{status="404"}'] >= before


def serving_processes(stack: Stack) -> set[int]:
    """Return the ids of the origin's processes that serve: the one for monitoring has fewer threads."""
    process = stack.origin.process
    assert process is not None
    serving = set[int]()
    for child in psutil.Process(process.pid).children():
        with suppress(psutil.NoSuchProcess):  # it has died, and was reaped by now
            if child.num_threads() > 8:
                serving.add(child.pid)
    return serving


def test_both_are_healthy_and_ready(stack: Stack) -> None:
    assert stack.purger.running()
    for port in (PURGER, ORIGIN):
        assert (page(port, "healthz").status_code, page(port, "healthz").text) == (200, "ok\n")
        # A poll, or the origin's first connection for this, may be late on a busy machine.
        wait_until(partial(ready, port), "ready")


def ready(port: int) -> bool:
    answer = page(port, "readyz")
    return (answer.status_code, answer.text) == (200, "ok\n")


def documented() -> dict[str, list[str]]:
    """Return the labels of each metric that the page describes, by name."""
    found = {}
    for row in rows(section(PAGE, "Metrics of a purger") + section(PAGE, "Metrics of an origin")):
        if len(row) == 5 and (name := re.fullmatch(r"`(takedown_\w+)`", row[0])):
            found[name[1]] = sorted(re.findall(r"`(\w+)`", row[1]))
    return found


def test_the_page_describes_each_metric_with_its_labels(site: Site) -> None:
    site.ban("nobody-has-this-either")
    series = ("requests_total", "waiting", "oldest_waiting_seconds", "dead")  # the last three are read now and then
    wait_until(lambda: all(f"takedown_webhook_{each}{{" in page(PURGER).text for each in series), "a receiver is told")
    shown: dict[str, list[str]] = {}
    for port in (PURGER, ORIGIN):
        names = re.findall(r"^# TYPE (\S+) ", page(port).text, re.MULTILINE)
        for name in names:
            lines = re.findall(rf"^{name}(?:_bucket)?(?:\{{(.*)\}})? ", page(port).text, re.MULTILINE)
            labels = {label for line in lines for label in re.findall(r'(\w+)="', line)} - {"le"}
            shown[name] = sorted(labels)
    assert documented() == shown


def queries() -> list[str]:
    """Return the queries of the dashboard, as Grafana would send them for all edges."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    expressions = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    for name, value in (("$__rate_interval", "30s"), ("$__range", "30s"), ("$edge", ".*")):
        expressions = [expression.replace(name, value) for expression in expressions]
    return expressions


def too_slow(edge: str) -> float:
    """Count the requests to an edge that got no answer in time."""
    begin, end = f'takedown_deliveries_total{{edge="{edge}",', 'result="too slow"}'
    return sum(value for name, value in values(PURGER).items() if name.startswith(begin) and name.endswith(end))


def cut_off() -> bool:
    """Tell whether the purger shows edge2 as one that lacks the latest batch and trusts its cache no more."""
    now = values(PURGER)
    return (
        now['takedown_edge_mode{edge="edge2",mode="fail-safe"}'] == 1
        and now['takedown_lease_remaining_seconds{edge="edge2"}'] == 0
        and now['takedown_backlog_batches{edge="edge2"}'] >= 1
    )


def test_alerts_and_dashboard_see_an_edge_that_stands_still_and_what_comes_of_it(
    site: Site, prometheus: Prometheus
) -> None:
    assert len(queries()) > 20
    wait_until(lambda: not prometheus.firing() or None, "no alert")
    with frozen(site.stack.edges[1]):
        site.ban("nobody-has-this")
        # Its lease may have run out before, so that the ban has no number yet.
        wait_until(cut_off, "edge2 counts as in fail-safe mode, without a lease, and behind")
        wait_until(lambda: values(PURGER)['takedown_backlog_batches{edge="edge1"}'] == 0, "edge1 has everything")
        wait_until(lambda: values(PURGER)["takedown_oldest_pending_seconds"] > 1 or None, "the ban waits")
        # Of whichever method the first request was: after it the purger asks for the edge's state before all else.
        wait_until(lambda: too_slow("edge2") >= 1 or None, "requests to edge2 are too slow")
        wait_until(lambda: "TakedownLeaseLost" in prometheus.firing() or None, "the alert on the lease")
    wait_until(lambda: values(PURGER)["takedown_oldest_pending_seconds"] == 0 or None, "nothing waits")
    for query in queries():  # a rate needs two scrapes, and a scrape may come late
        wait_until(partial(prometheus.query, query), f"series of {query}")


def test_neither_is_ready_without_the_database(site: Site) -> None:
    with frozen(site.stack.database):
        wait_until(lambda: page(PURGER, "readyz").status_code == 503 or None, "the purger is not ready")
        wait_until(lambda: page(ORIGIN, "readyz").status_code == 503 or None, "the origin is not ready")
        assert page(PURGER, "readyz").text == "the database does not answer polls\n"
        assert page(ORIGIN, "readyz").text.startswith("database: ")
        assert values(PURGER)["takedown_database_usable"] == 0
        assert (page(PURGER, "healthz").status_code, page(ORIGIN, "healthz").status_code) == (200, 200)
    wait_until(lambda: page(PURGER, "readyz").status_code == 200 or None, "the purger is ready again")
    wait_until(lambda: page(ORIGIN, "readyz").status_code == 200 or None, "the origin is ready again")


def test_an_origin_without_its_store_is_not_ready(site: Site) -> None:
    files = site.stack.origin.files
    away = files.rename(files.with_suffix(".away"))
    try:
        # For a while it may be the database that has not answered in time.
        wait_until(lambda: page(ORIGIN, "readyz").text.startswith("store: "), "the origin lacks its store")
        assert page(ORIGIN, "readyz").status_code == 503
    finally:
        Path(away).rename(files)
    wait_until(lambda: page(ORIGIN, "readyz").status_code == 200 or None, "the origin is ready again")


def test_a_ban_that_no_purger_saw_is_followed_from_its_number_once_one_runs(site: Site) -> None:
    code = site.new_image()
    with away(site.stack.purger):
        site.ban(code)
    ban = ban_id(site, code)
    assert followed(site, ban)["subject"] == code


def test_so_is_one_that_was_numbered_by_the_last_call_of_a_purger_that_is_gone(site: Site) -> None:
    code = site.new_image()
    with away(site.stack.purger):
        site.ban(code)
        ban = ban_id(site, code)
        with site.admin.cursor() as cursor:
            wait_until(lambda: called(cursor, ban), "its number")
            cursor.execute(
                "UPDATE batches SET numbered_at = numbered_at - INTERVAL 5 SECOND ORDER BY batch DESC LIMIT 1"
            )
        site.admin.commit()
    assert followed(site, ban)["subject"] == code


def called(cursor: MySQLCursorAbstract, ban: int) -> bool:
    """Number what waits, as another purger would, and tell whether the ban has a number."""
    call(cursor, "number_invalidations(NULL, NULL, @size, @more)")
    cursor.execute("SELECT batch IS NOT NULL FROM invalidations WHERE ban_id = %s", (ban,))
    return cursor.fetchall() == [(1,)]


def followed(site: Site, ban: int) -> dict[str, Any]:
    """Wait for the end of a takedown in the log, and return the line of its number."""
    wait_until(lambda: len(logged(site.stack, message="seen gone", ban=ban)) == 2 or None, "both edges seen gone")
    (numbered,) = wait_until(lambda: logged(site.stack, message="numbered", ban=ban), "the line of its number")
    return numbered
