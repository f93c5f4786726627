"""Read URLs of applications by the rules that `origin rules --preset` prints for them."""

from collections.abc import Mapping

import pytest

from origin.verdict.rules import PRESETS, find_image, preset_path, read_rules
from origin.verdict.url import UnreadableUrlError, read_url

LONG = "x" * 200 + ".jpg"

NAMES = {
    "mediawiki": {
        "/images/a/ab/Cat.jpg": "Cat.jpg",
        "/images/a/ab/Cat.jpg?20261203055248": "Cat.jpg",
        "/w/images/thumb/a/ab/Cat.jpg/120px-Cat.jpg": "Cat.jpg",
        f"/images/thumb/a/ab/{LONG}/120px-thumbnail.jpg": LONG,
        "/mediawiki/images/archive/a/ab/20250102030405%21Cat.jpg": "Cat.jpg",
        "/images/thumb/archive/a/ab/20250102030405!%C3%9C_1.svg/120px-%C3%9C_1.svg.png": "Ü_1.svg",
        "/images/temp/a/ab/20250102030405!phpAbc.jpg": "phpAbc.jpg",
        "/images/transcoded/a/ab/Film.webm/Film.webm.240p.vp9.webm": "Film.webm",
        "/img_auth.php/thumb/a/ab/Cat.jpg/120px-Cat.jpg": "Cat.jpg",
    },
    "wordpress": {
        "/wp-content/uploads/2026/12/cat.jpg": "2026/12/cat.jpg",
        "/blog/wp-content/uploads/2026/12/cat-300x200.jpg": "2026/12/cat.jpg",
        "/wp-content/uploads/2026/12/cat-scaled.jpg": "2026/12/cat.jpg",
        "/wp-content/uploads/2026/12/cat-rotated-e1764740000123-300x200.JPG": "2026/12/cat.JPG",
        "/wp-content/uploads/2026/12/%E5%AF%8C-1-e1764740000123.webp?ver=2": "2026/12/富-1.webp",
        "/wp-content/uploads/2026/12/a-300x200-b-scale.v2-e12.png": "2026/12/a-300x200-b-scale.v2-e12.png",
        "/wp-content/uploads/2026/12/document.pdf": "2026/12/document.pdf",
        "/wp-content/uploads/2026/12/document-pdf.jpg": "2026/12/document.pdf",
        "/wp-content/uploads/2026/12/document-pdf-232x300.jpg": "2026/12/document.pdf",
        "/wp-content/uploads/film.mp4": "film.mp4",
    },
    "wagtail": {
        "/media/images/cat.width-400.format-webp.webp": "wagtail-image-7",
        "/media/original_images/cat.jpg?x=1": "wagtail-image-7",
    },
}

NOTHING = {
    "mediawiki": ["/wiki/File:Cat.jpg", "/index.php?title=File:Cat.jpg", "/resources/assets/a.png", "/images/x.png"],
    "wordpress": ["/2026/12/cat.jpg", "/wp-includes/images/media/default.png", "/wp-content/uploads/2026/"],
    "wagtail": ["/admin/images/7/", "/media/documents/cat.pdf", "/static/images/cat.png"],
}

REFUSED = {"mediawiki": ["/thumb.php?f=cat.jpg&w=20", "/w/thumb.php", "/thumb.php/x", "/thumb_handler.php?f=x"]}


def row(query: str, values: Mapping[str, str]) -> Mapping[str, str]:
    """Find the row of one image, by the path of its file below the media."""
    column = query.split()[1]
    assert values["file"] in ("images/cat.width-400.format-webp.webp", "original_images/cat.jpg")
    return {column: "7"}


def name_of(preset: str, url: str) -> str | None:
    image = find_image(read_rules(preset_path(preset)), read_url("www.example.org", url), row)
    return None if image is None else image.name


def test_every_preset_is_tried() -> None:
    assert set(PRESETS) == set(NAMES) == set(NOTHING)


@pytest.mark.parametrize(("preset", "url"), [(preset, url) for preset, urls in NAMES.items() for url in urls])
def test_every_url_of_a_file_leads_to_its_name(preset: str, url: str) -> None:
    assert name_of(preset, url) == NAMES[preset][url]


@pytest.mark.parametrize(("preset", "url"), [(preset, url) for preset, urls in NOTHING.items() for url in urls])
def test_a_page_leads_to_no_name(preset: str, url: str) -> None:
    assert name_of(preset, url) is None


@pytest.mark.parametrize(("preset", "url"), [(preset, url) for preset, urls in REFUSED.items() for url in urls])
def test_a_script_that_shows_files_in_any_spelling_is_refused(preset: str, url: str) -> None:
    with pytest.raises(UnreadableUrlError):
        name_of(preset, url)
