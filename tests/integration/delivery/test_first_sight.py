"""Take down pictures of a site that nobody imported, by their content, in the whole system with two edges."""

import hashlib
from collections.abc import Iterator
from contextlib import closing
from itertools import count

import pytest
import requests

from purger import model
from purger.probing.probe import Probe
from purger.probing.targets import ask_target, probe_images
from purger.probing.verdict import Verdict
from stack.edges.edge import Edge
from stack.processes.waiting import PATIENCE, wait_until
from stack.system import Stack, StackSettings
from takedown_base.name_codes import code_of_name
from takedown_db.connection.lasting_connection import Connection
from tests.support.ask_again import ask_again
from tests.support.sites.moderation_desk import run
from tests.support.sites.site_actions import Site
from tests.support.sites.site_server import SiteServer

RULES = r"""[[rule]]
match = '^/files/(?:thumb/)?(?P<name>[^/]+)'
"""

_numbers = count(1)


@pytest.fixture(scope="module")
def server() -> Iterator[SiteServer]:
    with SiteServer() as running:
        yield running


@pytest.fixture(scope="module")
def stack(server: SiteServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    directory = tmp_path_factory.mktemp("stack")
    (directory / "rules.toml").write_text(RULES + server.table())
    settings = StackSettings(
        edges=2,
        edge_settings={"lease": 120.0, "fetch_timeout": 20.0, "site": server.address},
        origin_options={"ORIGIN_RULES": str(directory / "rules.toml")},
        purger_options={"PURGER_AUDIT_INTERVAL": "86400", "PURGER_PRUNE_INTERVAL": "86400"},
    )
    with Stack(directory, settings) as running:
        yield running


class Picture:
    """A picture of the site, with a thumbnail, both in the cache of each edge."""

    def __init__(self, stack: Stack, server: SiteServer, data: bytes | None = None) -> None:
        self.stack, self.server = stack, server
        self.name = f"picture-{next(_numbers)}.png"
        self.urls = [f"/files/{self.name}", f"/files/thumb/{self.name}/120px.png"]
        self.data = data or f"bytes of {self.name}".encode()
        self.digest = hashlib.sha256(self.data).hexdigest()
        server.files |= {self.urls[0]: self.data, self.urls[1]: f"thumbnail of {self.name}".encode()}

    def show(self) -> None:
        """Wait until each URL is a hit at each edge."""
        for edge in self.stack.edges:
            for url in self.urls:
                wait_until(lambda: self.hit(edge, url), f"a hit for {url}")  # noqa: B023

    def hit(self, edge: Edge, url: str) -> bool:
        answer = get(edge, url)
        return answer.content == self.server.files[url] and "; hit" in answer.headers["Cache-Status"]

    def wait_gone(self) -> None:
        """Wait until no URL is shown at any edge, also one that nobody has asked for yet."""
        new = f"{self.urls[1]}?new={next(_numbers)}"
        self.server.files[new] = self.server.files[self.urls[1]]
        for edge in self.stack.edges:
            for url in [*self.urls, new]:
                wait_until(lambda: get(edge, url).status_code == 410, f"410 for {url}")  # noqa: B023
                assert get(edge, url).headers["Takedown-State"] == "banned"


def get(edge: Edge, url: str) -> requests.Response:
    return ask_again(lambda: requests.get(edge.url + url, timeout=PATIENCE), url)


def ban(site: Site, digest: str) -> None:
    with site.moderation.cursor() as cursor:
        cursor.execute("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", (digest,))


def lift(site: Site, digest: str) -> None:
    with site.moderation.cursor() as cursor:
        cursor.execute("UPDATE bans SET lifted_at = UTC_TIMESTAMP() WHERE subject = %s", (digest,))


def test_a_ban_by_content_takes_a_picture_with_all_its_urls_and_its_copies(site: Site, server: SiteServer) -> None:
    picture, other = Picture(site.stack, server), Picture(site.stack, server)
    copy = Picture(site.stack, server, picture.data)
    for each in (picture, copy, other):
        each.show()
    ban(site, picture.digest)
    picture.wait_gone()
    copy.wait_gone()
    site.stack.settle()
    for edge in site.stack.edges:
        assert all(other.hit(edge, url) for url in other.urls), "another picture stays in the cache"
    later = Picture(site.stack, server, picture.data)
    assert get(site.stack.edge, later.urls[0]).status_code == 410, "uploaded once more, under another name"
    later.wait_gone()
    lift(site, picture.digest)
    for each in (picture, copy, later):
        each.show()


def test_the_thumbnail_goes_when_the_banned_original_is_first_seen(site: Site, server: SiteServer) -> None:
    picture = Picture(site.stack, server)
    ban(site, picture.digest)
    for edge in site.stack.edges:
        wait_until(lambda: picture.hit(edge, picture.urls[1]), "a hit for the thumbnail")  # noqa: B023
    assert get(site.stack.edge, picture.urls[0]).status_code == 410
    picture.wait_gone()


def test_a_new_upload_under_the_same_url_is_shown_and_may_be_banned(site: Site, server: SiteServer) -> None:
    picture, edge = Picture(site.stack, server), site.stack.edge
    assert get(edge, picture.urls[0]).content == picture.data
    server.files[picture.urls[0]] = new = b"new upload of " + picture.data
    assert edge.ask("PURGE", takedown_tags=f"d:{picture.digest}").headers["Takedown-Removed"] == "1"
    assert get(edge, picture.urls[0]).content == new
    ban(site, hashlib.sha256(new).hexdigest())
    picture.wait_gone()


def test_banned_bytes_that_come_between_the_two_readings_are_not_shown(site: Site, server: SiteServer) -> None:
    edge = site.stack.edge
    for before in (b"harmless", None):
        picture = Picture(site.stack, server)
        ban(site, picture.digest)
        url = picture.urls[0]
        server.then[url] = server.files.pop(url)
        if before is not None:
            server.files[url] = before
        answer = get(edge, url)
        assert (answer.status_code, answer.headers.get("Takedown-State")) == (410, "banned"), before
        # Only of this URL: probes of the bans of other tests may ask for theirs.
        asked = {each: number for each, number in server.asked.items() if each.endswith(url)}
        assert asked == {f"127.0.0.1:{edge.public_port}{url}": 3}, "by the origin, the edge, and again the origin"


def test_a_site_s_server_that_is_down_shows_nothing_that_nobody_looked_at(site: Site, server: SiteServer) -> None:
    picture, edge = Picture(site.stack, server), site.stack.edge
    server.stop()
    try:
        down = requests.get(edge.url + picture.urls[0], timeout=PATIENCE)
        assert (down.status_code, down.headers["Cache-Control"]) == (503, "no-store")
        assert "Retry-After" in down.headers
    finally:
        server.start()
    assert get(edge, picture.urls[0]).content == picture.data
    assert get(edge, "/files/no-such-picture.png").content == b"no such file\n"


def test_probes_ask_for_the_site_s_own_urls_before_a_ban_is_called_seen_gone(site: Site, server: SiteServer) -> None:
    picture = Picture(site.stack, server)
    picture.show()
    code = code_of_name(picture.name)
    own = {f"127.0.0.1:{edge.public_port}{url}" for edge in site.stack.edges for url in picture.urls}

    def shown() -> set[tuple[Verdict, tuple[str, ...]]]:
        """Probe the first edge for the image, as the purger does."""
        edge = site.stack.edge
        target = ask_target(model.Edge(edge.edge_name, edge.purge_url, edge.url, str(edge.token_file)))
        with (
            closing(Connection(site.stack.database.url("purger"), timeout=30)) as connection,
            closing(Probe()) as probe,
        ):
            ((_, ((_, answer),)),) = probe_images(connection, probe, [target], [code])
        return {(answer.verdict, tuple(sorted(answer.served)))}

    ((verdict, served),) = shown()
    assert verdict is Verdict.SHOWN
    assert set(served) == own, "the origin has recorded them, each with the host by which it was asked for"
    assert "1 image" in run(site, "ban", "--digest", picture.digest, "--wait", str(PATIENCE)).stdout
    picture.wait_gone()
    ((verdict, served),) = shown()
    assert (verdict, served) == (Verdict.GONE, ())
    seen_gone(site, "digest", picture.digest)

    other = Picture(site.stack, server)
    other.show()
    run(site, "ban", code_of_name(other.name), "--wait", str(PATIENCE))  # without --ahead: the image is known
    seen_gone(site, "image", code_of_name(other.name))


def seen_gone(site: Site, scope: str, subject: str) -> None:
    """Wait until the last purge of a subject was seen gone at each edge, and no error was logged of it."""

    def seen() -> bool:
        with site.admin.cursor() as cursor:
            cursor.execute(
                """SELECT COUNT(*) FROM sightings
                WHERE gone AND code = '' AND invalidation = (
                    SELECT MAX(id) FROM invalidations WHERE scope = %s AND subject = %s AND cause = 'ban')""",
                (scope, subject),
            )
            return cursor.fetchall() == [(len(site.stack.edges),)]

    wait_until(seen, f"{scope} {subject} seen gone at each edge")
    assert "still shows" not in site.stack.purger.log_text()
