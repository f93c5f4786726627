"""Run the operators' commands audit, status and edge on the whole system."""

import json
import subprocess
import threading
from typing import Any

import pytest

from purger.maintenance import Maintenance
from purger.probing.probe import Probe
from purger.settings import Settings
from stack.processes.ports import free_port
from stack.processes.waiting import wait_until
from takedown_db.connection.lasting_connection import Connection
from tests.support.sites.site_actions import Site


def purger(site: Site, *arguments: str, code: int = 0) -> str:
    """Run a command and assert its exit code. Returns its output."""
    result = site.stack.purger.run(*arguments)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout


def causes(site: Site, code: str) -> list[str]:
    """Read the causes of a code's purges, without those of its import."""
    with site.admin.cursor() as cursor:
        cursor.execute(
            "SELECT cause FROM invalidations WHERE subject = %s AND cause NOT IN ('image', 'rendition') ORDER BY id",
            (code,),
        )
        return [str(cause) for (cause,) in cursor.fetchall()]


def test_an_audit_finds_what_is_served_and_mends_it(site: Site) -> None:
    code, fine = site.new_image(), site.new_image()
    for edge in site.stack.edges:
        site.wait_served(code, edge)
    site.ban_unseen(code)
    purger(site, "ban", fine, "--wait", "60")
    assert site.is_hit(code), "the edge has not heard of the ban"

    found = json.loads(purger(site, "audit", "--json", code=4))
    served = {(one["edge"], one["code"]) for one in found["served"]}
    assert {("edge1", code), ("edge2", code)} <= served
    assert fine not in {banned for _, banned in served}
    site.wait_gone(code)
    site.wait_gone(code, site.stack.edges[1])
    assert causes(site, code) == ["resend"]


def test_an_audit_finds_images_of_a_banned_owner_too(site: Site) -> None:
    owner = site.new_owner()
    code = site.new_image(owner)
    site.ban_unseen(owner, scope="owner")
    assert f"image {code}" in purger(site, "audit", code=4)
    site.wait_gone(code)


def test_a_running_purger_audits_by_itself(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    code = site.new_image()
    site.wait_served(code)
    site.ban_unseen(code)
    url = site.stack.database.url("purger")
    settings = Settings(database_url=url, prune_interval=0.05, audit_interval=0.05, audit_sample=10_000)
    stop = threading.Event()
    maintenance = Maintenance(Connection(url, timeout=60), Probe(), settings, stop)
    maintenance.start()
    try:
        wait_until(lambda: f"edge edge1 shows banned image {code}" in caplog.text, "the audit tells of it")
        site.wait_gone(code)
    finally:
        stop.set()
        maintenance.join()


def test_an_edge_that_gives_no_answer_is_listed_and_the_work_is_done_in_part(site: Site) -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    urls = ("--purge-url", closed, "--public-url", closed, "--token-file", str(site.stack.edge.token_file))
    purger(site, "edge", "add", "closed", "--unreachable", *urls)
    try:
        assert "closed" in {edge["name"] for edge in json.loads(purger(site, "edge", "list", "--json"))}
        code = site.new_image()
        ban = purger(site, "ban", code).split()[1].rstrip(":")
        met = "SELECT COUNT(*) FROM edges WHERE name = 'closed' AND problem IS NOT NULL"
        wait_until(lambda: site.number(met) == 1, "the purger has met with the closed edge")
        site.stack.settle()
        out = purger(site, "wait", "--ban", ban, "0", code=3)
        assert "edge edge1: acknowledged" in out
        assert "edge closed: not acknowledged (unreachable: " in out
        # Again where the machine kept an edge from answering the command within its 3 s.
        modes = {"closed": None, "edge1": "trusted", "edge2": "trusted"}
        wait_until(lambda: modes_told(site, code=3) == modes, f"the modes {modes}")
        assert "closed" in json.loads(purger(site, "audit", "--sample", "3", "--json", code=3))["unreachable"]
    finally:
        purger(site, "edge", "remove", "closed")
    purger(site, "edge", "remove", "closed", code=1)


def test_the_status_of_a_healthy_fleet(site: Site) -> None:
    # Other tests may have left a purge on its way, and a busy machine may keep an edge from answering in time.
    state = wait_until(lambda: healthy(site), "a status without problems in which nothing waits")
    assert state["database"]["missing_triggers"] == []
    assert all(edge["epoch"] and edge["instance"] and not edge["problem"] for edge in state["edges"])
    assert "all triggers exist" in site.stack.purger.run("status").stdout


def healthy(site: Site) -> dict[str, Any] | None:
    """Return the status of a fleet without problems that has everything; None where it is another one."""
    told = site.stack.purger.run("status", "--json")
    state: dict[str, Any] = json.loads(told.stdout)
    waits = state["database"]["pending"] or any(edge["lag"] for edge in state["edges"])
    return state if told.returncode == 0 and not waits else None


def modes_told(site: Site, code: int) -> dict[str, str | None]:
    """Return the mode of each edge, as a status with this exit code tells it."""
    state = json.loads(purger(site, "status", "--json", code=code))
    return {edge["name"]: edge["mode"] for edge in state["edges"]}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["edge1", "--purge-url", "http://a", "--public-url", "http://a"], "already"),
        (["bad name", "--purge-url", "http://a", "--public-url", "http://a"], "1 to 64"),
        (["new", "--purge-url", "ftp://a", "--public-url", "http://a"], "not an http"),
        (["new", "--purge-url", "http://a/path", "--public-url", "http://a"], "more than scheme"),
    ],
)
def test_an_edge_that_cannot_be_is_refused(site: Site, arguments: list[str], said: str) -> None:
    result: subprocess.CompletedProcess[str] = site.stack.purger.run("edge", "add", *arguments, "--token-file", "t")
    assert result.returncode in {1, 2}
    assert said in result.stderr
