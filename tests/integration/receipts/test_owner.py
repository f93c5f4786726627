"""Probe one image of a banned owner: the result proves that image gone, and no other."""

from stack.processes.waiting import wait_until
from tests.support.edges.misbehaving_listeners import (
    FixedAnswer,
    stale_listener,
    stuck_listener,
    third_edge,
    third_varnish,
)
from tests.support.purgers.receipts_command import ask, outcomes, receipts
from tests.support.sites.site_actions import Site


def through(site: Site, public_url: str) -> None:
    """Probe the third edge through ``public_url`` from now on."""
    site.stack.purger.run("edge", "set", "third", "--public-url", public_url).check_returncode()


def third(site: Site, code: str) -> tuple[str, str]:
    """Return outcome and reason of the last ban of ``code`` at the third edge."""
    (found,) = (each for each in receipts(site, code)["bans"][-1]["edges"] if each["edge"] == "third")
    return found["outcome"], found["reason"]


def test_a_probe_of_one_image_tells_nothing_of_another(site: Site) -> None:
    owner = site.new_owner()
    shown, other = sorted(site.new_image(owner) for _ in range(2))
    with (
        third_varnish(site) as edge,
        stale_listener(edge) as (public_url, stored),
        third_edge(site, edge, public_url),
    ):
        stored[f"/images/{shown}"] = FixedAnswer(200, site.get(shown).content)
        site.ban(owner, scope="owner")
        wait_until(lambda: outcomes(site, other)["third"] == "gone", "the other one is seen gone")
        wait_until(lambda: outcomes(site, shown)["third"] == "still there", "one image is seen")
        assert ask(site, shown)[0] == 4
        # The prober notes the result for the owner after those for the images.
        wait_until(lambda: ask(site, "--owner", owner)[0] == 4, "the owner as a whole is seen")

        # Nor does a probe on demand.
        with site.admin.cursor() as cursor:
            cursor.execute("DELETE FROM sightings WHERE edge = 'third' AND code = %s", (other,))
        assert third(site, other) == ("not proven", "not probed: 1 other image of the owner was")
        assert outcomes(site, other, "--probe")["third"] == "gone"
        assert outcomes(site, other)["third"] == "gone"
        assert ask(site, shown)[0] == 4
        assert ask(site, "--owner", owner)[0] == 4

        # A probe of the owner probes each image.
        through(site, edge.url)
        for arguments in (("--owner", owner, "--probe"), ("--owner", owner), (shown,), (other,)):
            assert ask(site, *arguments)[0] == 0
        assert third(site, shown)[1].startswith("still there (200) at ")


def test_an_image_that_is_shown_after_it_was_found_gone(site: Site) -> None:
    owner = site.new_owner()
    code = site.new_image(owner)
    with (
        third_varnish(site) as edge,
        stuck_listener(site.get(code).content, edge=edge) as public_url,
        third_edge(site, edge, edge.url),
    ):
        site.ban(owner, scope="owner")
        wait_until(lambda: ask(site, "--owner", owner)[0] == 0 or None, "it is seen gone everywhere")
        through(site, public_url)
        assert ask(site, "--owner", owner, "--probe")[0] == 4
        exit_code, out = ask(site, "--owner", owner)
        assert exit_code == 4
        assert "STILL THERE (200)" in out
        assert "; gone (410) at " in out
        through(site, edge.url)
        assert ask(site, "--owner", owner, "--probe")[0] == 0
        assert ask(site, "--owner", owner)[0] == 0
