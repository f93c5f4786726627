"""What moderators and operators type, against the whole system."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from purger.keeper import Keeper
from purger.link import Link
from purger.probe import Probe
from purger.settings import Settings
from stack.ports import free_port
from stack.waiting import wait_until
from tests.site import Site


def purger(site: Site, *arguments: str, code: int = 0) -> str:
    """The output of one command, which has to end with this exit code."""
    result = site.stack.purger.run(*arguments)
    assert result.returncode == code, result.stdout + result.stderr
    return result.stdout


def receipts(site: Site, code: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(purger(site, "receipts", code, "--json"))
    return found


def complete(site: Site, code: str) -> list[dict[str, Any]] | None:
    """The edges' receipts for the only event on this code, once all of them have looked."""
    (event,) = receipts(site, code)["events"]
    return event["edges"] if all(edge["seen_at"] for edge in event["edges"]) else None


def test_a_ban_is_proven_at_every_edge(site: Site) -> None:
    code = site.new_image()
    for edge in site.stack.edges:
        site.wait_served(code, edge)
    out = purger(site, "ban", code, "--reason", "court order", "--by", "judge", "--wait", "60")
    first, *edges = out.splitlines()
    ban = int(first.removeprefix("ban ").partition(":")[0])
    assert edges == ["edge edge1: acknowledged", "edge edge2: acknowledged"]
    assert site.wait_gone(code).status_code == 410

    seen = wait_until(lambda: complete(site, code), "every edge was looked at")
    assert [(edge["edge"], edge["method"], edge["status"], edge["gone"]) for edge in seen] == [
        ("edge1", "purge", 410, True),
        ("edge2", "purge", 410, True),
    ]
    assert all(edge["removed"] >= 1 and edge["acknowledged_at"] and edge["instance"] for edge in seen)
    (known,) = receipts(site, code)["bans"]
    assert (known["id"], known["reason"], known["banned_by"]) == (ban, "court order", "judge")
    table = purger(site, "receipts", code)
    assert f"ban {ban} on image {code} by judge" in table
    assert "gone (410)" in table


@contextmanager
def showing_for_ever(body: bytes) -> Iterator[str]:
    """A public door that shows one picture whatever happens: no edge of ours can be made to. Its URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_an_edge_that_goes_on_showing_the_image_is_found_out(site: Site) -> None:
    code = site.new_image()
    edge = site.stack.edge
    urls = ("--purge-url", edge.purge_url, "--token-file", str(edge.token_file))
    with showing_for_ever(site.get(code).content) as door:
        purger(site, "edge", "add", "liar", *urls, "--public-url", door)
        try:
            # What a flush has covered is not looked at.
            known = "SELECT COUNT(*) FROM edges WHERE name = 'liar' AND instance IS NOT NULL"
            wait_until(lambda: site.number(known) == 1, "the first flush is over")
            purger(site, "ban", code, "--wait", "60")

            def found_out() -> bool:
                receipt = {edge["edge"]: edge["gone"] for edge in receipts(site, code)["events"][0]["edges"]}
                return receipt.get("liar") is False and receipt["edge1"] is True

            wait_until(found_out, "the receipt says that the image is still there")
            wait_until(lambda: len(receipts(site, code)["events"]) == 2, "the purge was put into the outbox again")
            assert receipts(site, code)["events"][1]["cause"] == "resend"
            assert "STILL THERE (200)" in purger(site, "receipts", code)
            assert f"edge liar still shows banned image {code}" in site.stack.purger.log_text()
        finally:
            purger(site, "edge", "remove", "liar")
            # Until then it goes on acknowledging, and the next test's receipts would wait for a look at it.
            wait_until(lambda: "edge liar is no longer followed" in site.stack.purger.log_text(), "the end of the liar")


def test_a_ban_of_the_owner_is_a_receipt_of_each_of_his_images(site: Site) -> None:
    owner = site.new_owner()
    code = site.new_image(owner)
    purger(site, "ban", "--owner", owner, "--wait", "60")
    found = receipts(site, code)
    assert (found["owner"], found["bans"][0]["scope"]) == (owner, "owner")
    assert all(edge["method"] == "ban" for edge in found["events"][0]["edges"])
    seen = wait_until(lambda: complete(site, code), "every edge was looked at")
    assert all(edge["gone"] and edge["status"] == 410 for edge in seen)


def test_an_image_that_was_lifted_before_anyone_looked_was_not_seen_gone(site: Site) -> None:
    code, later = site.new_image(), site.new_image()
    with site.moderation.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        site.ban(code)
        site.lift(code)
        cursor.execute("COMMIT")
    # Delivered with the next one it might go in a list, whose answer does not tell of each.
    site.stack.settle()
    site.ban(later)
    # Looks come one after the other.
    wait_until(lambda: complete(site, later), "every edge was looked at")
    ban, _ = receipts(site, code)["events"]
    assert [(edge["removed"] is not None, edge["seen_at"], edge["gone"]) for edge in ban["edges"]] == [
        (True, None, None),
        (True, None, None),
    ]


def test_lifting_brings_the_image_back_and_is_an_event_of_its_own(site: Site) -> None:
    code = site.new_image()
    purger(site, "ban", code)
    purger(site, "ban", code)
    site.wait_gone(code)
    assert purger(site, "lift", code) == f"lifted 2 bans: image {code}\n"
    site.wait_served(code)
    assert [event["cause"] for event in receipts(site, code)["events"]] == ["ban", "ban", "lift", "lift"]
    assert "no open ban" in site.stack.purger.run("lift", code).stderr
    purger(site, "lift", code, code=1)


def test_a_code_without_an_image_is_banned_and_remarked_on(site: Site) -> None:
    result = site.stack.purger.run("ban", "not-yet-there")
    assert result.returncode == 0
    assert "no image has this code" in result.stderr


@pytest.mark.parametrize("code", ["with space", "trailing ", "dot.dot", "a/b", "ü", "", "x" * 65, "x" * 300])
def test_a_ban_that_would_ban_nothing_is_refused_with_its_reason(site: Site, code: str) -> None:
    before = site.number("SELECT COUNT(*) FROM bans")
    result = site.stack.purger.run("ban", "--", code)
    assert result.returncode == 2
    assert "1 to 64 of A-Z a-z 0-9 _ -" in result.stderr
    assert site.number("SELECT COUNT(*) FROM bans") == before


@pytest.mark.parametrize("arguments", [[], ["abc", "--owner", "abc"], ["--wait", "-1", "abc"]])
def test_a_ban_wants_one_subject(site: Site, arguments: list[str]) -> None:
    purger(site, "ban", *arguments, code=2)


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
    causes = [event["cause"] for event in receipts(site, code)["events"]]
    assert causes == ["resend"]


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
    keeper = Keeper(Link(url, timeout=60), Probe(), settings, stop)
    keeper.start()
    try:
        wait_until(lambda: f"edge edge1 shows banned image {code}" in caplog.text, "the audit tells of it")
        site.wait_gone(code)
    finally:
        stop.set()
        keeper.join()


def test_an_edge_that_gives_no_answer_is_listed_and_the_work_is_done_in_part(site: Site) -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    urls = ("--purge-url", closed, "--public-url", closed, "--token-file", str(site.stack.edge.token_file))
    purger(site, "edge", "add", "closed", *urls)
    try:
        assert "closed" in {edge["name"] for edge in json.loads(purger(site, "edge", "list", "--json"))}
        code = site.new_image()
        out = purger(site, "ban", code, "--wait", "10", code=3)
        assert "edge edge1: acknowledged" in out
        assert "edge closed: unreachable" in out
        state = json.loads(purger(site, "status", "--json", code=3))
        modes = {edge["name"]: edge["mode"] for edge in state["edges"]}
        assert modes == {"closed": None, "edge1": "trusted", "edge2": "trusted"}
        assert "closed" in json.loads(purger(site, "audit", "--sample", "3", "--json", code=3))["unreachable"]
    finally:
        purger(site, "edge", "remove", "closed")
    purger(site, "edge", "remove", "closed", code=1)


def test_the_status_of_a_healthy_fleet(site: Site) -> None:
    wait_until(lambda: lag(site) == 0, "no edge is behind")
    state = json.loads(purger(site, "status", "--json"))
    assert state["database"]["pending"] == 0
    assert state["database"]["missing_triggers"] == []
    assert all(edge["epoch"] and edge["instance"] and not edge["problem"] for edge in state["edges"])
    assert "all triggers stand" in purger(site, "status")


def lag(site: Site) -> int:
    return sum(edge["lag"] for edge in json.loads(purger(site, "status", "--json"))["edges"])


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
