"""Put Debian's MediaWiki behind an edge, with nothing imported, and take its files down by its own buttons."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.door import Door
from stack.processes.ports import free_port
from stack.samples import draw
from tests.apps.support.adopted_site import AdoptedSite
from tests.apps.support.mediawiki import INSTALLED, MediaWiki, path_of
from tests.apps.support.php_server import require

require("mediawiki", INSTALLED / "api.php", "rsvg-convert")

LONG = "A_name_of_more_than_forty-eight_bytes_that_no_code_can_hold_as_it_is.png"
JAPANESE = "富士山_100%_(表).png"
DRAWING = b'<svg xmlns="http://www.w3.org/2000/svg" width="300" height="200"><rect width="9" height="9"/></svg>'
DOCUMENT = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdoptedSite]:
    with AdoptedSite(tmp_path_factory.mktemp("mediawiki"), "mediawiki") as site:
        yield site


@pytest.fixture(scope="module")
def wiki(site: AdoptedSite) -> Iterator[MediaWiki]:
    port = free_port()
    wiki = MediaWiki(site, site.directory / "wiki", f"http://127.0.0.1:{port}")
    with wiki.server:
        wiki.log_in()
        site.adopt(wiki.server.address, port)
        yield wiki


@pytest.fixture
def picture(tmp_path: Path) -> bytes:
    """Draw a picture that no other test uploads: MediaWiki takes the same bytes once."""
    draw(tmp_path / "picture.png", tmp_path.name, hue=0.3, size=(1400, 900))
    return (tmp_path / "picture.png").read_bytes()


def another(picture: bytes) -> bytes:
    """Return a picture of other bytes: PNG takes what comes behind its end."""
    return picture + b"another"


def test_every_file_that_its_pages_link_to_is_the_same_through_the_edge(
    site: AdoptedSite, wiki: MediaWiki, picture: bytes
) -> None:
    names = ["Cat.png", LONG, JAPANESE, "A_drawing.svg", "A_document.pdf"]
    for number, name in enumerate(names[:3]):
        wiki.upload(name, picture + bytes([number]))
    wiki.upload(names[3], DRAWING)
    wiki.upload(names[4], DOCUMENT)
    wiki.upload("Cat.png", picture + b"newer")
    wiki.write("Gallery", "".join(f"[[File:{each}|thumb|{200 + n}px]]" for n, each in enumerate(names))
               + "<gallery>" + "\n".join(f"File:{each}" for each in names) + "</gallery>")  # fmt: skip
    found = wiki.files("Gallery", "Special:NewFiles", "Special:ListFiles", *(f"File:{each}" for each in names))
    print(len(found), *sorted(found), sep="\n")
    for name in names:
        assert path_of(name) in found
    assert any("/thumb/archive/" in each for each in found), "of the older version"
    assert sum("/thumb/" in each for each in found) > 20
    assert site.differing(found) == []
    for path in found:
        site.wait_hit(path)
    assert site.differing(["/resources/assets/change-your-logo.svg", "/load.php?modules=startup&only=scripts"]) == []
    assert site.get("/wiki/Gallery").status_code == 200


def test_a_file_deleted_by_the_wiki_is_gone_and_comes_back_by_its_undelete(
    site: AdoptedSite, wiki: MediaWiki, picture: bytes
) -> None:
    wiki.upload("Gone.png", picture)
    wiki.upload("Stays.png", another(picture))
    gone = wiki.files("File:Gone.png")
    assert len(gone) > 2
    for path in {*gone, path_of("Stays.png")}:
        site.wait_hit(path)
    wiki.delete("Gone.png")
    for path in gone:
        assert site.wait(path, 410).content != picture
    receipt = site.receipt("Gone.png")
    assert receipt["acknowledged_at"]
    assert (receipt["gone"], receipt["status"]) == (True, 410)
    assert "; hit" in site.get(path_of("Stays.png")).headers["Cache-Status"]
    wiki.undelete("Gone.png")
    site.wait(path_of("Gone.png"), 200)
    assert site.bans("Gone.png") == []
    assert site.differing(wiki.files("File:Gone.png")) == []


def test_a_new_file_is_shown_at_once_and_another_version_instead_of_it(
    site: AdoptedSite, wiki: MediaWiki, picture: bytes
) -> None:
    path = path_of("New.png")
    assert site.get(path).status_code == 404
    wiki.upload("New.png", picture)
    assert site.get(path).content == picture
    site.wait_hit(path)
    wiki.upload("New.png", another(picture))
    site.wait_content(path, another(picture))
    assert site.differing(wiki.files("File:New.png")) == []
    assert site.bans("New.png") == []


def test_a_file_of_another_name_is_no_takedown(site: AdoptedSite, wiki: MediaWiki, picture: bytes) -> None:
    wiki.upload("Before.png", picture)
    site.wait_hit(path_of("Before.png"))
    wiki.rename("Before.png", "After.png")
    assert site.get(path_of("After.png")).content == picture
    site.wait(path_of("Before.png"), 404)
    assert site.bans("Before.png") == site.bans("After.png") == []
    wiki.upload("Before.png", another(picture))
    assert site.get(path_of("Before.png")).content == another(picture)


@pytest.mark.parametrize("how", ["hide", "delete"])
def test_an_older_version_that_the_wiki_takes_away_is_gone(
    site: AdoptedSite, wiki: MediaWiki, picture: bytes, how: str
) -> None:
    name = f"Versions_{how}.png"
    wiki.upload(name, picture)
    wiki.upload(name, another(picture))
    (archived,) = wiki.older_versions(name)
    (old,) = (each for each in wiki.files(f"File:{name}") if "/archive/" in each and "/thumb/" not in each)
    site.wait_hit(old)
    assert site.get(old).content == picture
    (wiki.hide_version if how == "hide" else wiki.delete_version)(name, archived)
    site.wait(old, 404)
    assert site.get(path_of(name)).content == another(picture)
    assert site.bans(name) == []


def test_a_ban_takes_every_url_and_no_script_shows_the_file_in_another_spelling(
    site: AdoptedSite, wiki: MediaWiki, picture: bytes
) -> None:
    wiki.upload("Banned_file.png", picture)
    found = wiki.files("File:Banned_file.png")
    assert site.differing(found) == []
    banned = site.purger.run("ban", site.edge.url + path_of("Banned_file.png"), "--reason", "court")
    assert banned.returncode == 0, banned.stderr
    for path in found:
        site.wait(path, 410)
    assert site.get("/thumb.php?f=banned file.png&w=120").status_code == 404
    assert site.own("/thumb.php?f=banned file.png&w=120").status_code == 200


def test_a_file_that_was_replaced_is_shown_once_the_wiki_purges_it(
    site: AdoptedSite, wiki: MediaWiki, picture: bytes, tmp_path: Path
) -> None:
    wiki.upload("Purged.png", picture)
    path = path_of("Purged.png")
    site.wait_hit(path)
    (wiki.images / path.removeprefix("/images/")).write_bytes(another(picture))
    assert site.get(path).content == picture
    with Door(tmp_path / "door", site.database) as door:
        door.add_client("wiki", 'addresses = ["127.0.0.1"]\npurge = true\n')
        wiki.purge(f"{wiki.public}{path}", f"127.0.0.1:{door.port}")
        site.wait_content(path, another(picture))
    assert site.bans("Purged.png") == []
