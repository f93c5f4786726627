"""Compute the states of images: each ban of code, owner or original hides, and a lift shows what no other ban hides."""

from pathlib import Path

import pytest

from origin.stores.location import Location
from origin.stores.store import open_store
from tests.chaos.history import BANNED, Other
from tests.chaos.pictures.distinct_images import Catalogue
from tests.chaos.pictures.gallery import Gallery

OWNERS = {"a": "anna", "b": "anna", "c": "bob"}


@pytest.fixture
def catalogue(tmp_path: Path) -> Catalogue:
    return Catalogue(open_store(Location(f"file:{tmp_path}", tmp_path)))


@pytest.fixture
def gallery(catalogue: Catalogue) -> Gallery:
    """Make images of which ``a`` and ``c`` have the same original."""
    gallery = Gallery(OWNERS, {code: catalogue.make(code) for code in OWNERS})
    return gallery.replaced(catalogue.copy("c", gallery.versions["a"]))


def test_a_ban_by_content_hides_each_image_that_has_it_or_gets_it(catalogue: Catalogue, gallery: Gallery) -> None:
    content = ("digest", gallery.versions["a"].digest)
    assert sorted(gallery.covered(content)) == ["a", "c"]
    banned = gallery.toggled(content)
    assert banned.states() == {"a": BANNED, "b": 1, "c": BANNED}
    later = banned.replaced(catalogue.copy("b", gallery.versions["a"]))
    assert later.states() == dict.fromkeys(OWNERS, BANNED)
    assert later.replaced(catalogue.make("a")).states() == {"a": 2, "b": BANNED, "c": BANNED}


def test_a_lift_shows_those_that_are_not_banned_otherwise(gallery: Gallery) -> None:
    content = ("digest", gallery.versions["a"].digest)
    banned = gallery.toggled(content).toggled(("owner", "bob")).toggled(("image", "b"))
    assert banned.states() == dict.fromkeys(OWNERS, BANNED)
    assert banned.toggled(content).states() == {"a": 1, "b": BANNED, "c": BANNED}


def test_bytes_tell_the_version_of_each_image_that_has_them_alone(
    catalogue: Catalogue, gallery: Gallery, tmp_path: Path
) -> None:
    (file,) = tmp_path.rglob(gallery.versions["a"].digest)
    body = file.read_bytes()
    seen = {code: catalogue.recognise(code, "original", 200, body) for code in OWNERS}
    assert seen == {"a": 1, "b": Other.FOREIGN, "c": 2}
    assert catalogue.copy("c", gallery.versions["a"]).number == 2, "the same bytes are the same version"
