"""Put Wagtail behind an edge, with nothing imported, and take its images down by its own buttons."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from stack.door import Door
from stack.processes.ports import free_port
from stack.samples import draw
from tests.apps.support.adopted_site import AdoptedSite
from tests.apps.support.wagtail import PYTHON, Wagtail

if not PYTHON.exists():
    pytest.skip("not installed: wagtail (CONTRIBUTING.md, Applications)", allow_module_level=True)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdoptedSite]:
    with AdoptedSite(tmp_path_factory.mktemp("wagtail"), "wagtail") as site:
        yield site


@pytest.fixture(scope="module")
def gallery(site: AdoptedSite) -> Iterator[Wagtail]:
    port = free_port()
    gallery = Wagtail(site, site.directory / "gallery", f"http://127.0.0.1:{port}")
    with gallery.server:
        gallery.log_in()
        site.adopt(gallery.address, port)
        yield gallery


def upload(site: AdoptedSite, gallery: Wagtail, title: str, name: str, directory: Path) -> int:
    """Upload a new picture. Returns its number."""
    gallery.upload(title, name, drawn(directory, title))
    ((number,),) = site.execute(f"SELECT id FROM wagtail.wagtailimages_image WHERE title = '{title}'")
    return int(number)


def drawn(directory: Path, title: str) -> bytes:
    draw(directory / f"{title}.png", title, hue=0.3, size=(900, 600))
    return (directory / f"{title}.png").read_bytes()


def test_every_file_that_its_pages_link_to_is_the_same_through_the_edge(
    site: AdoptedSite, gallery: Wagtail, tmp_path: Path
) -> None:
    names = ["a cat.png", "Grün 100% (1).png", "a-name-of-more-than-48-bytes-that-no-code-can-hold-as-it-is.v2.png"]
    for number, name in enumerate([*names, names[0]]):
        upload(site, gallery, f"same {number}", name, tmp_path)
    found = gallery.files("same")
    assert len(found) == 4 * 5
    assert site.differing(found) == []
    for path in found:
        site.wait_hit(path)
    assert site.get("/gallery/?title=same").status_code == 200


def test_an_image_deleted_by_the_site_is_gone_in_every_rendition(
    site: AdoptedSite, gallery: Wagtail, tmp_path: Path
) -> None:
    gone = upload(site, gallery, "gone", "gone.png", tmp_path)
    upload(site, gallery, "stays", "stays.png", tmp_path)
    paths, kept = gallery.files("gone"), gallery.files("stays")
    for path in paths | kept:
        site.wait_hit(path)
    gallery.delete(gone)
    for path in paths:
        site.wait(path, 404)
    assert site.bans(f"wagtail-image-{gone}")
    assert site.receipt(f"wagtail-image-{gone}")["acknowledged_at"]
    for path in kept:
        assert "; hit" in site.get(path).headers["Cache-Status"]


def test_a_new_rendition_is_shown_at_once_and_another_file_instead_of_it(
    site: AdoptedSite, gallery: Wagtail, tmp_path: Path
) -> None:
    number = upload(site, gallery, "new", "new.png", tmp_path)
    before = gallery.files("new")
    assert site.differing(before) == []
    gallery.replace(number, "new", "newer.png", drawn(tmp_path, "newer"))
    after = gallery.files("new")
    assert not before & after
    assert site.differing(after) == []
    for path in before:
        site.wait(path, 404)
    assert site.bans(f"wagtail-image-{number}") == []


def test_a_ban_by_a_url_takes_every_rendition(site: AdoptedSite, gallery: Wagtail, tmp_path: Path) -> None:
    upload(site, gallery, "banned", "banned.png", tmp_path)
    paths = gallery.files("banned")
    assert site.differing(paths) == []
    banned = site.purger.run("ban", site.edge.url + min(paths), "--reason", "court")
    assert banned.returncode == 0, banned.stderr
    for path in paths:
        site.wait(path, 410)


def test_a_file_that_was_replaced_is_shown_once_its_own_frontend_cache_purges_it(
    site: AdoptedSite, gallery: Wagtail, tmp_path: Path
) -> None:
    number = upload(site, gallery, "purged", "purged.png", tmp_path)
    path = min(gallery.files("purged"))
    site.wait_hit(path)
    file = gallery.media / unquote(path.removeprefix("/media/"))
    file.write_bytes(file.read_bytes() + b"replaced")
    assert not site.get(path).content.endswith(b"replaced")
    with Door(tmp_path / "door", site.database) as door:
        door.add_client("wagtail", 'addresses = ["127.0.0.1"]\npurge = true\n')
        gallery.purge(site.edge.url + path, door.url)
    site.wait_content(path, file.read_bytes())
    assert site.bans(f"wagtail-image-{number}") == []
