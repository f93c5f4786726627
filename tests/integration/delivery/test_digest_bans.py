"""Ban content by a row in ``bans``: every image with these bytes goes from every edge, and comes back with the lift."""

from email.utils import parsedate_to_datetime

import pytest

from stack.processes.waiting import wait_until
from tests.support.sites.site_actions import Site


class Copies:
    """Two codes of different owners with the same bytes, and one with others, in the caches of all edges."""

    def __init__(self, site: Site) -> None:
        self.owner = site.new_owner()
        self.code, self.other = site.new_image(), site.new_image(self.owner)
        self.copy = site.new_copy(self.code, self.owner)
        self.digest = site.digest_of(self.code)
        self.names = [self.code, f"{self.code}/thumb", self.copy, f"{self.copy}/thumb"]
        for edge in site.stack.edges:
            for name in (*self.names, self.other):
                site.wait_hit(name, edge)


@pytest.fixture
def copies(site: Site) -> Copies:
    return Copies(site)


def test_a_ban_by_content_takes_every_copy_and_lifting_brings_them_back(site: Site, copies: Copies) -> None:
    before = {name: site.get(name) for name in copies.names}
    assert site.digest_of(copies.copy) == copies.digest

    site.ban(site.digest_of(copies.other), scope="digest")
    for edge in site.stack.edges:
        site.wait_gone(copies.other, edge)
        assert all(site.is_hit(name, edge) for name in copies.names), "another content must leave these in the cache"
    site.lift(site.digest_of(copies.other))
    for edge in site.stack.edges:
        site.wait_served(copies.other, edge)

    site.ban(copies.digest, scope="digest")
    for edge in site.stack.edges:
        for name in copies.names:
            gone = site.wait_gone(name, edge)
            assert gone.content != before[name].content
            assert "Takedown-Digest" not in gone.headers
        assert site.answer(copies.other, edge).status_code == 200

    late = site.new_copy(copies.code, wait=False)
    for name in (late, f"{late}/thumb"):
        assert site.answer(name).status_code == 410

    site.ban(copies.owner, scope="owner")
    site.wait_gone(copies.other)
    site.lift(copies.digest)
    for name in (copies.code, f"{copies.code}/thumb", late):
        site.wait_served(name)
    site.stack.settle()
    for edge in site.stack.edges:
        for name in (copies.copy, f"{copies.copy}/thumb"):
            assert site.answer(name, edge).status_code == 410, "the ban of its owner still stands"
    site.lift(copies.owner)
    for name in copies.names:
        site.wait_served(name)
    for name in copies.names:
        after = site.wait_dated(name)
        assert after.content == before[name].content
        assert after.headers["ETag"] == before[name].headers["ETag"]
        dates = [parsedate_to_datetime(answer.headers["Last-Modified"]) for answer in (before[name], after)]
        assert dates[0] < dates[1]


def test_content_that_is_banned_before_it_is_there_never_shows(site: Site, copies: Copies) -> None:
    code = site.new_copy(copies.other, wait=False)
    digest = site.digest_of(copies.other)
    site.wait_served(code)
    site.ban(digest, scope="digest")
    site.wait_gone(code)
    site.execute("DELETE FROM images WHERE code = %s", code)
    wait_until(lambda: site.get(code).status_code == 404, "the code without an image")
    again = site.new_copy(copies.other, code=code, wait=False)
    site.stack.settle()
    assert site.answer(again).status_code == 410
    site.lift(digest)
    site.wait_served(again)


def test_a_replaced_image_is_no_copy_any_more(site: Site, copies: Copies) -> None:
    site.ban(copies.digest, scope="digest")
    site.wait_gone(copies.copy)
    site.new_image(copies.owner, copies.copy)
    site.wait_served(copies.copy)
    assert site.answer(copies.code).status_code == 410
    site.lift(copies.digest)
    site.wait_served(copies.code)
