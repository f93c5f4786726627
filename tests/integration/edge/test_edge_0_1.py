"""Run an edge of version 0.1 with the current purger beside a current edge, and upgrade its VCL."""

from collections.abc import Iterator

import pytest

from stack.edge import Edge
from stack.system import Settings, Stack
from tests.support.edges import edge_0_1
from tests.support.sites.site_actions import Site

#: Lease in seconds, so long that an object leaves the cache only by a purge.
LEASE = 600.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run a stack whose second edge has the VCL of 0.1."""
    stack = Stack(tmp_path_factory.mktemp("mixed"), Settings(edges=2, edge_settings={"lease": LEASE}))
    edge_0_1.downgrade(stack.edges[1], stack.origin.address, lease=LEASE)
    with stack:
        yield stack


@pytest.fixture
def old(site: Site) -> Edge:
    return site.stack.edges[1]


def test_bans_go_and_lifts_come_at_an_edge_of_0_1_which_is_trusted(site: Site, old: Edge) -> None:
    code, other = site.new_image(), site.new_image()
    for path in (code, f"{code}/thumb", other):
        site.wait_hit(path, old)
    site.ban(code)
    for path in (code, f"{code}/thumb"):
        site.wait_gone(path, old)
    assert site.is_hit(other, old)
    site.stack.settle()
    site.lift(code)
    site.wait_served(code, old)
    old.wait_trusted()


def test_bans_of_owners_and_many_bans_together_go(site: Site, old: Edge) -> None:
    owner = site.new_owner()
    codes = [site.new_image(owner), *(site.new_image() for _ in range(3))]
    for code in codes:
        site.wait_hit(code, old)
    site.moderation.start_transaction()
    site.ban(owner, scope="owner")
    for code in codes[1:]:
        site.ban(code)
    site.moderation.commit()
    for code in codes:
        site.wait_gone(code, old)
    site.stack.settle()


def cached_copies(site: Site, old: Edge) -> tuple[list[str], str]:
    """Have the old edge cache two images with the same original, and another one. Returns their codes."""
    first, other = site.new_image(), site.new_image()
    copies = [first, site.new_copy(first)]
    for code in (*copies, other):
        site.wait_hit(code, old)
    return copies, other


def test_a_ban_by_content_flushes_it_and_the_log_says_why(site: Site, old: Edge) -> None:
    copies, other = cached_copies(site, old)
    site.ban(site.digest_of(copies[0]), scope="digest")
    for code in copies:
        site.wait_gone(code, old)
    site.stack.settle()
    assert site.is_hit(other), "the other edge is not flushed"
    log = site.stack.purger.log_text()
    assert f"edge {old.edge_name} calls BAN / malformed: 400" in log
    said = f"edge {old.edge_name} is flushed: it takes no bans by content, as a VCL before 0.2"
    assert log.count(said) == 1
    assert "load the VCL of this version into it (docs/operate/edge.md)" in log
    site.lift(site.digest_of(copies[0]))
    for code in copies:
        site.wait_served(code, old)
    old.wait_trusted()


def test_status_names_it_as_one_to_upgrade_and_no_other(site: Site, old: Edge) -> None:
    status = site.stack.purger.run("status", "--json").stdout
    assert f"edge {old.edge_name} runs the VCL of version 0.1" in status
    assert status.count("runs the VCL of version 0.1") == 1


def test_it_is_upgraded_by_a_load_of_todays_vcl_and_keeps_its_promises(site: Site, old: Edge) -> None:
    code = site.new_image()
    site.wait_hit(code, old)
    edge_0_1.upgrade(old, site.stack.origin.address, lease=LEASE)
    site.wait_hit(code, old)
    site.ban(code)
    site.wait_gone(code, old)
    site.stack.settle()
    old.wait_trusted()
    # What it has fetched since is banned by content alone.
    copies, other = cached_copies(site, old)
    site.ban(site.digest_of(copies[0]), scope="digest")
    for each in copies:
        site.wait_gone(each, old)
    assert site.is_hit(other, old)
    assert "runs the VCL of version 0.1" not in site.stack.purger.run("status", "--json").stdout
