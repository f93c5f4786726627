"""Put Debian's WordPress behind an edge, with nothing imported, and take its files down by its own buttons."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.processes.ports import free_port
from stack.samples import draw
from takedown_base.name_codes import code_of_name
from tests.apps.support.adopted_site import AdoptedSite
from tests.apps.support.php_server import require
from tests.apps.support.wordpress import INSTALLED, WordPress

require("wordpress", INSTALLED / "wp-load.php")

DOCUMENT = b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AdoptedSite]:
    with AdoptedSite(tmp_path_factory.mktemp("wordpress"), "wordpress") as site:
        yield site


@pytest.fixture(scope="module")
def blog(site: AdoptedSite) -> Iterator[WordPress]:
    port = free_port()
    blog = WordPress(site, site.directory / "blog", f"http://127.0.0.1:{port}")
    with blog.server:
        site.adopt(blog.server.address, port)
        yield blog


@pytest.fixture
def picture(tmp_path: Path) -> bytes:
    """Draw a picture that WordPress reduces to each of its sizes."""
    return drawn(tmp_path, (1200, 800))


def drawn(directory: Path, size: tuple[int, int]) -> bytes:
    draw(directory / "picture.jpg", directory.name, hue=0.3, size=size)
    return (directory / "picture.jpg").read_bytes()


def test_every_file_that_its_pages_link_to_is_the_same_through_the_edge(
    site: AdoptedSite, blog: WordPress, tmp_path: Path, picture: bytes
) -> None:
    large = blog.upload("A large one-300x200.jpg", drawn(tmp_path, (2700, 1000)), "image/jpeg")
    numbers = [
        large,
        blog.upload("富士山-(1).jpg", picture, "image/jpeg"),
        blog.upload("x.pdf", DOCUMENT, "application/pdf"),
    ]
    numbers.append(
        blog.upload("a-name-of-more-than-48-bytes-that-no-code-can-hold-as-it-is.jpg", picture, "image/jpeg")
    )
    shown = [f'<img class="wp-image-{each}" src="{blog.public}{blog.path(each)}">' for each in numbers]
    post = blog.write(f'{" ".join(shown)}[gallery ids="{",".join(map(str, numbers))}" link="file" size="large"]')
    found = blog.files(post)
    assert {blog.path(each) for each in numbers[:2]} <= found
    for number in numbers:
        found |= blog.paths(number)
    assert len(found) > 18
    assert any("-scaled" in each for each in found)
    assert site.differing(found) == []
    for path in found:
        site.wait_hit(path)
    assert site.get(post.removeprefix(blog.public)).status_code == 200
    assert site.differing(["/wp-includes/js/jquery/jquery.js", "/wp-includes/images/media/document.png"]) == []


def test_a_file_deleted_by_the_blog_is_gone_until_another_has_its_name(
    site: AdoptedSite, blog: WordPress, picture: bytes
) -> None:
    gone, stays = (blog.upload(f"{name}.jpg", picture, "image/jpeg") for name in ("gone", "stays"))
    paths, kept = blog.paths(gone), blog.path(stays)
    assert len(paths) > 4
    for path in {*paths, kept}:
        site.wait_hit(path)
    blog.delete(gone)
    for path in paths:
        assert site.wait(path, 410).content != picture
    name = kept.removeprefix("/wp-content/uploads/").replace("stays", "gone")
    receipt = site.receipt(name)
    assert receipt["acknowledged_at"]
    assert (receipt["gone"], receipt["status"]) == (True, 410)
    assert "; hit" in site.get(kept).headers["Cache-Status"]
    again = blog.upload("gone.jpg", picture + b"another", "image/jpeg")
    assert blog.paths(again) == paths
    site.wait(blog.path(again), 200)
    assert site.bans(name) == []
    assert site.get(blog.path(again)).content == picture + b"another"
    assert site.differing(paths) == []


def test_a_file_in_the_trash_is_gone_and_comes_back_by_restore(
    site: AdoptedSite, blog: WordPress, picture: bytes
) -> None:
    number = blog.upload("trash.jpg", picture, "image/jpeg")
    paths = blog.paths(number)
    for path in paths:
        site.wait_hit(path)
    blog.trash(number)
    for path in paths:
        site.wait(path, 410)
        assert site.own(path).status_code == 200, "to WordPress itself, the trash is public"
    blog.restore(number)
    for path in paths:
        site.wait(path, 200)
    assert site.differing(paths) == []


def test_a_new_file_is_shown_at_once_and_the_one_that_the_editor_makes_of_it(
    site: AdoptedSite, blog: WordPress, picture: bytes
) -> None:
    number = blog.upload("new.jpg", picture, "image/jpeg")
    before = blog.paths(number)
    assert site.differing(before) == []
    blog.crop(number)
    after = blog.paths(number)
    assert len(after - before) > 3
    assert site.differing(after) == []
    name = blog.path(number).removeprefix("/wp-content/uploads/").partition("-e1")[0] + ".jpg"
    assert site.bans(name) == []
    blog.delete(number)
    for path in before | after:
        site.wait(path, 410)


def test_a_ban_by_a_url_takes_every_size(site: AdoptedSite, blog: WordPress, picture: bytes) -> None:
    number = blog.upload("banned.jpg", picture, "image/jpeg")
    assert site.differing(blog.paths(number)) == []
    banned = site.purger.run("ban", site.edge.url + blog.path(number), "--reason", "court")
    assert banned.returncode == 0, banned.stderr
    assert code_of_name(blog.path(number).removeprefix("/wp-content/uploads/")) in banned.stdout + banned.stderr
    for path in blog.paths(number):
        site.wait(path, 410)
