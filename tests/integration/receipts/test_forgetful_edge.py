"""Ban at edges whose index forgets a tag: each acknowledges, is found out by a probe, and is flushed once."""

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from stack.edges.edge import Edge
from stack.processes.ports import free_port
from stack.processes.waiting import PATIENCE, wait_until
from stack.system import Stack, StackSettings
from tests.support.edges.misbehaving_listeners import FixedAnswer, stale_listener, stuck_listener
from tests.support.purgers.receipts_command import ask, receipts
from tests.support.sites.site_actions import Site

METRICS = free_port()

#: The part of the tags that an edge leaves out, by the scope whose bans it then acknowledges without effect.
FORGOTTEN = {"image": '"i:" + var.get("code")', "owner": 'var.get("owner")', "digest": 'var.get("digest")'}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run an edge as it should be, and three that each store objects without one of their tags."""
    settings = StackSettings(
        edges=1 + len(FORGOTTEN),
        edge_settings={"lease": 120.0, "fetch_timeout": 20.0},
        purger_options={"PURGER_METRICS": str(METRICS), "PURGER_AUDIT_INTERVAL": "86400"},
    )
    running = Stack(tmp_path_factory.mktemp("forgetful"), settings)
    for edge, part in zip(running.edges[1:], FORGOTTEN.values(), strict=True):
        key = edge.vcl.parent / "takedown" / "key.vcl"
        (line,) = (line for line in key.read_text().splitlines() if "set beresp.http.xkey =" in line)
        key.write_text(key.read_text().replace(line, line.replace(part, '""')))
    with running:
        yield running


def forgetful(site: Site, scope: str) -> Edge:
    """Return the edge that forgets the tags of a scope."""
    return site.stack.edges[1 + list(FORGOTTEN).index(scope)]


def metric(name: str) -> float:
    """Read a metric of the purger; 0 for one that it does not show."""
    lines = requests.get(f"http://127.0.0.1:{METRICS}/metrics", timeout=PATIENCE).text.splitlines()
    return sum(float(line.removeprefix(name)) for line in lines if line.startswith(f"{name} "))


def flushes(edge: Edge) -> float:
    """Read how often probes had an edge flushed."""
    return metric(f'takedown_probe_flushes_total{{edge="{edge.edge_name}"}}')


def served() -> float:
    """Read how often a probe has seen a banned image."""
    return metric("takedown_audit_served_total")


def asked(site: Site) -> set[str]:
    """Return the names of the edges of which a flush was ever asked."""
    with site.admin.cursor() as cursor:
        cursor.execute("SELECT name FROM edges WHERE flush_asked > 0")
        return {str(name) for (name,) in cursor.fetchall()}


def state(site: Site, edge: str, *arguments: str) -> dict[str, Any]:
    """Return what the receipts say of the last ban at an edge."""
    (found,) = (each for each in receipts(site, *arguments)["bans"][-1]["edges"] if each["edge"] == edge)
    return dict(found)


def test_an_edge_is_not_flushed_for_what_it_may_show_nor_for_what_another_server_shows(site: Site) -> None:
    edge, before = site.stack.edge, asked(site)
    lifted, stored_late, elsewhere = (site.new_image() for _ in range(3))
    site.wait_served(lifted, forgetful(site, "image"))
    with site.moderation.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        site.ban(lifted)
        site.lift(lifted)
        cursor.execute("COMMIT")
    name = forgetful(site, "image").edge_name
    wait_until(lambda: state(site, name, lifted)["reason"] == "the ban was lifted before", "it was probed")

    picture = site.get(stored_late).content
    with stale_listener(edge, once=True) as (public_url, stored):
        stored[f"/images/{stored_late}"] = FixedAnswer(200, picture)
        move(site, edge, public_url)
        site.ban(stored_late)
        wait_until(lambda: state(site, "edge1", stored_late)["outcome"] == "gone", "it is gone at the second look")
        assert state(site, "edge1", stored_late)["reason"].startswith("still there (200) at ")

    with stuck_listener(site.get(elsewhere).content, edge=forgetful(site, "owner")) as public_url:
        move(site, edge, public_url)
        site.ban(elsewhere)
        wait_until(lambda: "not this edge" in state(site, "edge1", elsewhere)["reason"], "another edge shows it")
        wait_until(lambda: len(receipts(site, elsewhere)["resends"]) == 1, "its purge was sent again")
    move(site, edge, edge.url)
    assert asked(site) == before
    assert flushes(edge) == 0


def move(site: Site, edge: Edge, public_url: str) -> None:
    """Give an edge another public URL, and wait until the purger has read it."""
    changed, log_text = f"edge {edge.edge_name} has changed", site.stack.purger.log_text
    before = log_text().count(changed)
    site.stack.purger.run("edge", "set", edge.edge_name, "--public-url", public_url).check_returncode()
    wait_until(lambda: log_text().count(changed) > before, "the purger has read it")


@pytest.mark.parametrize("scope", FORGOTTEN)
def test_an_edge_that_forgets_a_tag_is_flushed_when_a_probe_sees_what_it_kept(site: Site, scope: str) -> None:
    edge, others = forgetful(site, scope), asked(site)
    name = edge.edge_name
    owner = site.new_owner()
    code = site.new_image(owner)
    subject = {"image": code, "owner": owner, "digest": site.digest_of(code)}[scope]
    site.wait_hit(code, edge)
    site.ban(subject, scope)
    wait_until(lambda: state(site, name, code)["receipt"]["flushed_at"], "it is gone after a flush")

    found = state(site, name, code)
    receipt = found["receipt"]
    assert (found["outcome"], receipt["gone"], receipt["status"], receipt["method"]) == ("gone", True, 410, "purge")
    assert receipt["acknowledged_at"] < receipt["flushed_at"] < receipt["seen_at"]
    assert receipt["note"].startswith("still there (200) at ")
    assert site.get(code, edge).status_code == 410
    assert flushes(edge) == 1
    assert asked(site) == others | {name}, "no other edge is flushed"
    assert receipts(site, code)["resends"] == []

    text = ask(site, code)[1]
    assert "; seen served after it was acknowledged; the edge was flushed at " in text
    assert text.count("; gone at ") == 1
    log = site.stack.purger.log_text()
    assert f"edge {name} goes on showing banned image {code} from its cache, and is to be flushed" in log
    assert f"edge {name} is flushed: asked for by a probe that still got image {code}" in log
    status = site.stack.purger.run("status")
    assert status.returncode == 0
    assert f"REMARK: edge {name} still served image {code} after it had acknowledged its removal, " in status.stdout


def test_an_edge_that_shows_an_image_after_its_flush_too_is_not_flushed_for_it_again(site: Site) -> None:
    edge = forgetful(site, "digest")
    code, before = site.new_image(), flushes(edge)
    with stuck_listener(site.get(code).content, edge=edge) as public_url:
        move(site, edge, public_url)
        site.ban(code)
        wait_until(lambda: flushes(edge) > before, "a flush")
        looked = served()
        wait_until(lambda: served() >= looked + 2, "it is seen twice more")
        assert flushes(edge) == before + 1
        assert state(site, edge.edge_name, code)["outcome"] == "still there"
        assert ask(site, code)[0] == 4
    move(site, edge, edge.url)
    wait_until(lambda: state(site, edge.edge_name, code)["outcome"] == "gone", "the probes went on")
