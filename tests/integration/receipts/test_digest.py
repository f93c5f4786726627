"""Ban an original: each image that has it is proven gone at each edge, in receipts by code and by digest."""

from stack.processes.waiting import wait_until
from tests.support.edges.misbehaving_listeners import FixedAnswer, stale_listener, third_edge, third_varnish
from tests.support.purgers.receipts_command import ask, outcomes, receipts, wait_proven
from tests.support.sites.site_actions import Site


def test_a_ban_by_content_is_proven_for_each_code_at_every_edge(site: Site) -> None:
    owner = site.new_owner()
    first, other = site.new_image(owner), site.new_image(owner)
    copies = [first, site.new_copy(first, owner), site.new_copy(first)]
    digest = site.digest_of(first)
    for edge in site.stack.edges:
        for code in (*copies, f"{copies[1]}/thumb", other):
            site.wait_hit(code, edge)
    site.ban("0" * 64, scope="digest")
    site.stack.settle()
    assert all(site.is_hit(code) for code in copies), "a ban of other bytes takes none of them"

    site.ban(digest, scope="digest")
    for edge in site.stack.edges:
        for code in (*copies, f"{copies[1]}/thumb"):
            site.wait_gone(code, edge)
        assert site.is_hit(other, edge)
    for receipt in wait_proven(site, "--digest", digest).values():
        assert (receipt["method"], receipt["probed"], receipt["images"]) == ("purge", 3, 3)
    same = site.stack.purger.run("receipts", "--same-as", first)
    assert (same.returncode, same.stdout.partition(",")[0]) == (0, f"digest {digest}: 1 ban in force"), same.stderr
    out = ask(site, "--digest", digest)[1]
    assert out.startswith(f"digest {digest}: 1 ban in force, proven gone at 2 edges\n")
    assert out.count("gone (410) at 3 of 3 images after ") == 2
    for code in copies:
        wait_proven(site, code)
        found = receipts(site, code)
        assert (found["digest"], [ban["scope"] for ban in found["bans"]]) == (digest, ["digest"])
    assert receipts(site, other)["bans"] == []


def test_an_image_that_is_imported_later_is_proven_when_it_is_probed(site: Site) -> None:
    first = site.new_image()
    digest = site.digest_of(first)
    site.ban(digest, scope="digest")
    wait_proven(site, "--digest", digest)
    later = site.new_copy(first, wait=False)
    for edge in site.stack.edges:
        site.wait_gone(later, edge)
    assert outcomes(site, later) == dict.fromkeys(("edge1", "edge2"), "not proven")
    assert ask(site, later, "--probe")[0] == 0
    assert ask(site, later)[0] == 0
    assert ask(site, "--digest", digest, "--probe")[0] == 0
    (receipt, _) = wait_proven(site, "--digest", digest).values()
    assert (receipt["probed"], receipt["images"]) == (2, 2)


def test_an_edge_that_shows_one_of_the_images_is_found_out_for_that_one(site: Site) -> None:
    shown = site.new_image()
    other = site.new_copy(shown)
    digest = site.digest_of(shown)
    with (
        third_varnish(site) as edge,
        stale_listener(edge) as (public_url, stored),
        third_edge(site, edge, public_url),
    ):
        stored[f"/images/{shown}"] = FixedAnswer(200, site.get(shown).content)
        site.ban(digest, scope="digest")
        wait_until(lambda: outcomes(site, other)["third"] == "gone", "the other one is seen gone")
        wait_until(lambda: outcomes(site, shown)["third"] == "still there", "one image is seen")
        assert ask(site, shown)[0] == 4
        # The prober notes the result for the ban as a whole after those for its images.
        wait_until(lambda: ask(site, "--digest", digest)[0] == 4, "the ban as a whole is seen")
        wait_until(lambda: f"a probe that still got image {shown}" in site.stack.purger.log_text(), "the edge's flush")
        assert f"edge third still shows banned image {shown}" in site.stack.purger.log_text()

        stored.clear()
        for arguments in (("--digest", digest, "--probe"), ("--digest", digest), (shown,), (other,)):
            assert ask(site, *arguments)[0] == 0


def test_a_lift_brings_back_those_that_are_not_banned_otherwise(site: Site) -> None:
    lifted = site.new_image()
    kept = site.new_copy(lifted)
    digest = site.digest_of(lifted)
    site.ban(digest, scope="digest")
    wait_proven(site, "--digest", digest)
    site.ban(kept)
    wait_proven(site, kept)
    site.lift(digest)
    site.wait_served(lifted)
    site.stack.settle()
    assert site.get(kept).status_code == 410
    assert "none of which hides it now" in ask(site, lifted)[1]
    assert [ban["hides"] for ban in receipts(site, kept)["bans"]] == [False, True]
    assert ask(site, kept)[0] == 0
