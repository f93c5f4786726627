"""Run ``purger receipts`` on the whole system: each ban is proven at each edge, or has a reason why not."""

from stack.processes.commands import command
from stack.processes.ports import free_port
from stack.processes.waiting import wait_until
from tests.support.edges.misbehaving_listeners import stuck_listener, third_edge, third_varnish
from tests.support.purgers.receipts_command import (
    PROVEN,
    ask,
    banned_image,
    outcomes,
    receipts,
    wait_proven,
)
from tests.support.sites.site_actions import Site
from tests.support.terminal import run_on_terminal


def test_a_ban_is_proven_at_every_edge(site: Site) -> None:
    code = site.new_image()
    for edge in site.stack.edges:
        site.wait_served(code, edge)
    site.stack.purger.run("ban", code, "--reason", "court order", "--by", "judge").check_returncode()
    for receipt in wait_proven(site, code).values():
        assert (receipt["method"], receipt["status"], receipt["gone"]) == ("purge", 410, True)
        assert receipt["removed"] >= 1
        assert receipt["acknowledged_at"]
        assert receipt["instance"]
    exit_code, out = ask(site, code)
    assert exit_code == 0
    assert out.startswith(f"image {code}: 1 ban in force, proven gone at 2 edges\n")
    assert "by takedown_moderation@localhost for judge: court order" in out
    assert out.count("gone (410) after ") == 2
    assert ask(site, code, "--probe")[1].count(", and again after ") == 2, "the first time stays"
    site.lift(code)
    wait_until(lambda: "acknowledged at 2 of 2 edges" in ask(site, code)[1], "the lift reached the edges")
    assert "by takedown_moderation@localhost; acknowledged" in ask(site, code)[1]


def test_a_ban_of_the_owner_is_a_receipt_of_each_of_his_images(site: Site) -> None:
    owner = site.new_owner()
    code = site.new_image(owner)
    site.ban(owner, scope="owner")
    for arguments in ((code,), ("--owner", owner)):
        wait_proven(site, *arguments)
        (found,) = receipts(site, *arguments)["bans"]
        assert (found["scope"], found["subject"]) == ("owner", owner)
        assert "the purger probes at most 100" in ask(site, *arguments)[1]


def test_an_edge_that_goes_on_showing_the_image_is_found_out(site: Site) -> None:
    code = site.new_image()
    with (
        third_varnish(site) as edge,
        stuck_listener(site.get(code).content, edge=edge) as public_url,
        third_edge(site, edge, public_url),
    ):
        site.ban(code)
        wait_until(
            lambda: outcomes(site, code) == PROVEN | {"third": "still there"} or None, "the banned image is found"
        )
        flushed = f"edge third is flushed: asked for by a probe that still got image {code}"
        wait_until(lambda: flushed in site.stack.purger.log_text(), "its flush")
        recorded = "SELECT COUNT(*) FROM edges WHERE name = 'third' AND flush_done_at > served_at"
        wait_until(lambda: site.number(recorded) == 1, "the record of its flush")
        exit_code, out = ask(site, code)
        assert exit_code == 4
        assert out.startswith(f"image {code}: 1 ban in force; STILL SHOWN at third\n")
        assert "STILL THERE (200)" in out
        assert f"edge third still shows banned image {code}" in site.stack.purger.log_text()

        # After the repair the next probe finds it gone, and the record keeps both results.
        site.stack.purger.run("edge", "set", "third", "--public-url", edge.url).check_returncode()
        exit_code, out = ask(site, code, "--probe")
        assert (exit_code, ask(site, code)[0]) == (0, 0)
        assert "; seen served after it was acknowledged; the edge was flushed at " in ask(site, code)[1]


def test_an_image_that_was_lifted_before_any_probe_is_not_proven_gone(site: Site) -> None:
    code = site.new_image()
    with site.moderation.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        site.ban(code)
        site.lift(code)
        cursor.execute("COMMIT")
    wait_until(lambda: "the ban was lifted before" in ask(site, code)[1] or None, "the note of the probe")
    exit_code, out = ask(site, code)
    assert exit_code == 0
    assert "none of which hides it now" in out


def test_a_probe_on_demand_completes_the_proof(site: Site) -> None:
    code, owner = banned_image(site), site.new_owner()
    his = site.new_image(owner)
    site.ban(owner, scope="owner")
    for each in (code, his):
        wait_proven(site, each)
    forget = "DELETE FROM sightings WHERE invalidation IN (SELECT id FROM invalidations WHERE subject IN (%s, %s))"
    with site.admin.cursor() as cursor:
        cursor.execute(forget, (code, owner))
    for each, subject in ((code, code), (his, owner)):
        assert "not probed" in ask(site, each)[1]
        assert outcomes(site, each) == {"edge1": "not proven", "edge2": "not proven"}
        logged = logged_probes(site, subject)
        assert ask(site, each, "--probe")[0] == 0
        assert outcomes(site, each) == PROVEN
        assert logged_probes(site, subject) == logged + 2  # one an edge: an audit would miss them


def logged_probes(site: Site, subject: str) -> int:
    """Count the receipts of probes for the ban of a subject in the log, with those that wait for their place."""
    return site.number(
        f"""SELECT CAST(COALESCE(SUM(JSON_EXTRACT(CONVERT(told.content USING utf8mb4), '$.receipts')), 0) AS SIGNED)
        FROM (SELECT content FROM log_leaves WHERE kind = 'seen' UNION ALL SELECT content FROM log_entries) AS told
        JOIN invalidations ON INSTR(told.content, CONCAT('"row":', invalidations.id, '}}')) > 0
        WHERE subject = '{subject}' AND cause = 'ban'"""
    )


def test_an_edge_that_cannot_be_probed(site: Site) -> None:
    code = banned_image(site)
    edge = site.stack.edge
    with site.admin.cursor() as cursor:
        cursor.execute("DELETE FROM sightings WHERE edge = 'edge1'")
        cursor.execute("UPDATE edges SET public_url = %s WHERE name = 'edge1'", (f"http://127.0.0.1:{free_port()}",))
        try:
            exit_code, out = ask(site, code, "--probe")
            assert exit_code == 3
            assert "unreachable: connection refused" in out
        finally:
            cursor.execute("UPDATE edges SET public_url = %s WHERE name = 'edge1'", (edge.url,))
    assert ask(site, code, "--probe")[0] == 0


def test_receipts_of_four_bans_are_read_at_eighty_columns(site: Site) -> None:
    code = banned_image(site)
    for reason in ("spam", "a reason of some length, as moderators write them when a court wants to know why", ""):
        site.lift(code)
        site.stack.purger.run("ban", code, "--by", "somebody", "--reason", reason).check_returncode()
    wait_proven(site, code)
    run = run_on_terminal([command("purger"), "receipts", code], site.stack.purger.envvars, stream="stdout")
    assert run.returncode == 0
    written = run.shown.splitlines()
    assert max(map(len, written)) <= 80
    assert len(written) < 36
    # Lines break between words only.
    assert " ".join(run.shown.split()) == " ".join(ask(site, code)[1].split())
