"""Prove an image gone by the origin's answer for banned images: other answers prove nothing, with a reason."""

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from purger.probing.audit import AuditResult, run_audit
from purger.probing.probe import Probe
from stack.edges.edge import Edge
from stack.processes.waiting import wait_until
from takedown_db.connection.lasting_connection import Connection
from tests.support.edges.misbehaving_listeners import FixedAnswer, stale_listener, third_edge, third_varnish
from tests.support.purgers.receipts_command import PROVEN, ask, outcomes, receipts, wait_probed_again
from tests.support.sites.site_actions import Site

NOT_THIS_EDGE = "not this edge: another edge or server, or a cache, answers at its public URL"
UNMARKED = "not marked as banned (wrong site, or an origin older than 0.2?)"


@pytest.fixture
def stored(site: Site) -> Iterator[dict[str, FixedAnswer]]:
    """Add a third edge, whose public listener gives stored answers. Yields these by path."""
    with (
        third_varnish(site) as edge,
        stale_listener(edge) as (public_url, stored),
        third_edge(site, edge, public_url),
    ):
        yield stored


def third(site: Site, *arguments: str) -> tuple[str, str]:
    """Return outcome and reason of the last ban at the third edge."""
    (found,) = (each for each in receipts(site, *arguments)["bans"][-1]["edges"] if each["edge"] == "third")
    return found["outcome"], found["reason"]


def wait_third(site: Site, outcome: str, reason: str, *arguments: str) -> None:
    """Wait until the last ban has this outcome and reason at the third edge."""
    wait_until(lambda: third(site, *arguments) == (outcome, reason), f"{outcome} at the third edge: {reason}")


def wait_outcome(site: Site, outcome: str, *arguments: str) -> None:
    """Wait until the last ban has this outcome at the third edge, and is proven at all others."""
    expected = PROVEN | {"third": outcome}
    wait_until(lambda: outcomes(site, *arguments) == expected, f"{outcome} at the third edge, and gone at the others")


def run_audit_of(site: Site) -> AuditResult:
    """Audit all bans of a site."""
    with closing(Connection(site.stack.database.url("purger"), timeout=60)) as connection, closing(Probe()) as probe:
        return run_audit(connection, probe, sample=None)


def test_old_bytes_of_a_replaced_image_are_not_gone(site: Site, stored: dict[str, FixedAnswer]) -> None:
    owner = site.new_owner()
    code = site.new_image(owner)
    stored[f"/images/{code}"] = FixedAnswer(200, site.get(code).content)
    site.new_image(owner, code)
    site.ban(code)
    said = "200 for original: other bytes, not marked as banned"
    wait_third(site, "not proven", said, code)
    wait_probed_again(site, code)
    wait_outcome(site, "not proven", code)
    assert len(receipts(site, code)["resends"]) == 1, "purged again once"
    assert f"edge third is not proven to hide banned image {code} ({said})" in site.stack.purger.log_text()
    exit_code, out = ask(site, code)
    assert exit_code == 3
    assert f"image {code}: 1 ban in force; not proven at third\n" in out

    # After the repair the next probe finds it gone, and it stays proven.
    stored.clear()
    assert ask(site, code, "--probe")[0] == 0
    assert ask(site, code)[0] == 0


def test_old_bytes_that_come_after_the_proof_undo_it(site: Site, stored: dict[str, FixedAnswer]) -> None:
    owner = site.new_owner()
    code = site.new_image(owner)
    old = FixedAnswer(200, site.get(code).content)
    site.new_image(owner, code)
    site.ban(code)
    wait_outcome(site, "gone", code)
    stored[f"/images/{code}"] = old
    assert ask(site, code, "--probe")[0] == 3
    wait_probed_again(site, code)
    assert third(site, code) == ("not proven", "now 200 for original: other bytes, not marked as banned")
    stored.clear()
    assert ask(site, code, "--probe")[0] == 0
    assert ask(site, code)[0] == 0


def test_other_bytes_after_a_lift_are_no_finding(site: Site, stored: dict[str, FixedAnswer]) -> None:
    code = site.new_image()
    stored[f"/images/{code}"] = FixedAnswer(200, b"old")
    with site.moderation.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        site.ban(code)
        site.lift(code)
        cursor.execute("COMMIT")
    wait_third(site, "not proven", "the ban was lifted before", code)
    assert ask(site, code)[0] == 0
    assert receipts(site, code)["resends"] == []


def public_urls(site: Site, urls: dict[str, str]) -> None:
    """Give edges these public URLs, and wait until the purger uses them."""
    for name, url in urls.items():
        changed, log_text = f"edge {name} has changed", site.stack.purger.log_text
        before = log_text().count(changed)
        site.stack.purger.run("edge", "set", name, "--public-url", url).check_returncode()
        wait_until(lambda: log_text().count(changed) > before, f"the purger uses the new URL of {name}")  # noqa: B023


def not_proven(site: Site, code: str, file: Path) -> list[str]:
    """Write the signed proof of an image's bans, and return what it says it lacks."""
    made = site.stack.purger.run("prove", code, "-o", str(file))
    if made.returncode:  # the ban is not in the log yet
        return [made.stderr]
    checked = site.stack.purger.run("verify", str(file), "--key", str(site.stack.log_key.verifier()), "--json")
    return [line for event in json.loads(checked.stdout)["events"] for line in event["not_proven"]]


def test_another_edge_at_a_public_url_proves_nothing(site: Site, tmp_path: Path) -> None:
    code = site.new_image()
    first, second = site.stack.edges
    # The same token, so that only the instances differ.
    (tmp_path / "third").mkdir()
    (tmp_path / "third/token").write_text(second.token_file.read_text())
    with Edge(tmp_path / "third", site.stack.origin.address, name="third", lease=120.0) as edge:
        edges = {each.edge_name: each for each in (first, second, edge)}
        own = {name: each.url for name, each in edges.items()}
        site.stack.purger.add_edge(edge)
        try:
            edge.wait_trusted()
            # In turn, each edge gets the public URL of the next one.
            public_urls(site, dict(zip(own, [*list(own.values())[1:], first.url], strict=True)))
            for name in own:
                site.wait_served(code, edges[name])
            site.ban(code)

            def reasons() -> dict[str, tuple[str, str]]:
                edges = receipts(site, code)["bans"][-1]["edges"]
                return {each["edge"]: (each["outcome"], each["reason"]) for each in edges}

            expected = dict.fromkeys(own, ("not proven", NOT_THIS_EDGE))
            wait_until(lambda: reasons() == expected, "each edge is found to be another")
            assert all(site.answer(code, each).status_code == 410 for each in edges.values()), "which shows no image"
            exit_code, out = ask(site, code, "--probe")
            assert (exit_code, out.count(NOT_THIS_EDGE)) == (3, 3)
            assert "gone (410)" not in out
            status = site.stack.purger.run("status")
            assert status.returncode == 3
            assert status.stdout.count("leads to another edge or server") == 3
            audit = run_audit_of(site)
            assert {name: audit.unreachable.get(name) for name in own} == dict.fromkeys(own, NOT_THIS_EDGE)
            rows = f"(SELECT id FROM invalidations WHERE subject = '{code}')"
            assert site.number(f"SELECT COUNT(*) FROM sightings WHERE invalidation IN {rows}") == 0
            lacking = {f"Nobody saw it gone at {name}: {NOT_THIS_EDGE}." for name in own}
            wait_until(lambda: set(not_proven(site, code, tmp_path / "proof")) == lacking, "the signed proof says why")
            public_urls(site, own)
            wait_until(lambda: set(outcomes(site, code).values()) == {"gone"}, "each edge proves itself")
            wait_until(lambda: not not_proven(site, code, tmp_path / "proof"), "and so does the signed proof")
        finally:
            for name, url in own.items():
                site.stack.purger.run("edge", "set", name, "--public-url", url)
            site.stack.purger.run("edge", "remove", "third").check_returncode()
            ended = "edge third is no longer followed"
            wait_until(lambda: ended in site.stack.purger.log_text(), "the purger no longer follows the edge third")


def test_a_rendition_whose_row_is_gone_is_probed(site: Site, stored: dict[str, FixedAnswer]) -> None:
    code = site.new_image()
    stored[f"/images/{code}/thumb"] = FixedAnswer(200, site.get(f"{code}/thumb").content)
    with site.admin.cursor() as cursor:
        cursor.execute("DELETE FROM renditions WHERE code = %s AND name = 'thumb'", (code,))
    site.ban(code)
    wait_third(site, "not proven", "200 for thumb: other bytes, not marked as banned", code)
    assert ask(site, code)[0] == 3


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (FixedAnswer(503, b"sick"), "the edge answered 503"),
        (FixedAnswer(404, b"no such page"), f"404 for original: {UNMARKED}"),
        (FixedAnswer(410, b"special"), f"410 for original: {UNMARKED}"),
        (
            FixedAnswer(410, b"special", {"Takedown-State": "banned"}),
            "410 for original: marked as banned without a well-formed Repr-Digest",
        ),
        (
            FixedAnswer(200, b"other", {"Takedown-State": "banned", "Repr-Digest": f"sha-256=:{'A' * 43}=:"}),
            "200 for original: the body is not the one that Repr-Digest names",
        ),
    ],
)
def test_an_answer_that_is_not_that_for_a_banned_image(
    site: Site, stored: dict[str, FixedAnswer], answer: FixedAnswer, said: str
) -> None:
    code = site.new_image()
    stored[f"/images/{code}"] = answer
    site.ban(code)
    wait_third(site, "not proven", said, code)
    assert ask(site, code)[0] == 3
    doubt = f"edge third does not prove that image {code} is gone, and is probed again later: {said}"
    if answer.status < 500:
        wait_until(lambda: doubt in site.stack.purger.log_text(), "the doubt in the log, after it is on record")
    else:
        assert doubt not in site.stack.purger.log_text()
    # The purger probes it again by itself, without another purge.
    stored.clear()
    wait_outcome(site, "gone", code)
    assert receipts(site, code)["resends"] == []


def test_each_image_of_a_banned_owner_is_probed(site: Site, stored: dict[str, FixedAnswer]) -> None:
    owner = site.new_owner()
    codes = sorted(site.new_image(owner) for _ in range(3))  # the purger begins with no other one after 10 s
    stored[f"/images/{codes[-1]}"] = FixedAnswer(200, site.get(codes[-1]).content)
    site.ban(owner, scope="owner")
    wait_third(site, "still there", "", "--owner", owner)
    assert ask(site, "--owner", owner)[0] == 4
    assert third(site, codes[-1])[0] == "still there"
    assert [third(site, code)[0] for code in codes[:-1]] == 2 * ["gone"]


def test_a_receipt_says_how_many_images_of_an_owner_were_probed(site: Site) -> None:
    owner = site.new_owner()
    for _ in range(3):
        site.new_image(owner)
    site.ban(owner, scope="owner")
    wait_until(lambda: set(outcomes(site, "--owner", owner).values()) == {"gone"}, "the purger has probed all")
    assert ask(site, "--owner", owner)[1].count("gone (410) at 3 of 3 images after ") == 2
    forget = "DELETE FROM sightings WHERE invalidation IN (SELECT id FROM invalidations WHERE subject = %s)"
    with site.admin.cursor() as cursor:
        cursor.execute(forget, (owner,))
    exit_code, out = ask(site, "--owner", owner, "--probe", "--limit", "2")
    assert exit_code == 3
    assert f"owner {owner}: 1 ban in force; proven for some of the images at edge1, edge2\n" in out
    assert out.count("gone (410) at 2 of 3 images after ") == 2
    (ban,) = receipts(site, "--owner", owner)["bans"]
    numbers = {(each["outcome"], each["receipt"]["probed"], each["receipt"]["images"]) for each in ban["edges"]}
    assert numbers == {("gone in part", 2, 3)}
    assert ask(site, "--owner", owner, "--probe")[0] == 0


def test_an_audit_counts_apart_what_is_not_proven(site: Site, stored: dict[str, FixedAnswer]) -> None:
    owner = site.new_owner()
    replaced, unmarked, lifted = site.new_image(owner), site.new_image(), site.new_image()
    for code in (replaced, unmarked, lifted):
        site.ban(code)
    site.lift(lifted)
    for code in (replaced, unmarked):
        wait_outcome(site, "gone", code)
    stored[f"/images/{replaced}"] = FixedAnswer(200, b"old")
    stored[f"/images/{unmarked}"] = FixedAnswer(410, b"special")
    command = site.stack.purger.run("audit")
    for code, said in (
        (replaced, "200 for original: other bytes, not marked as banned; purged again"),
        (unmarked, f"410 for original: {UNMARKED}"),
    ):
        assert f"not proven: edge third, image {code}: {said}\n" in command.stdout
    assert command.returncode in (3, 4), "other tests may leave an image to be found"
    found = run_audit_of(site)
    mine = {
        (one.edge, one.code, one.purged_again) for one in found.unproven if one.code in (replaced, unmarked, lifted)
    }
    assert mine == {("third", replaced, True), ("third", unmarked, False)}
    assert found.not_proven == len(found.unproven)
    assert len(receipts(site, replaced)["resends"]) == 2
    assert receipts(site, unmarked)["resends"] == []
