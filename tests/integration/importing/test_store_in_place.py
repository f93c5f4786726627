"""Serve a site's own files where they are: no path, link or changed file brings out other bytes."""

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from tests.support.background_loop import BackgroundLoop
from tests.support.sites.origin_site import OriginSite

#: Bytes of a file that no request may bring out. As long as a file of the site, so that no size tells them apart.
SECRET = b"secret! " * 1000


class Tree:
    """A site's own tree of files, and the origin that serves them."""

    def __init__(self, site: OriginSite, root: Path) -> None:
        self.site = site
        self.root = root

    def add(self, path: str, content: bytes | None = None) -> tuple[str, bytes]:
        """Write a file of the site and record it. Returns its code and its content."""
        content = content if content is not None else os.urandom(len(SECRET))
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        code = self.site.new_code()
        self.record(code, path, content)
        return code, content

    def record(self, code: str, path: str, content: bytes) -> None:
        self.site.execute("INSERT INTO images (code, owner) VALUES (%s, 'joe')", code)
        self.site.execute(
            "INSERT INTO renditions (code, name, content_type, size, width, height, digest, path)"
            " VALUES (%s, 'original', 'image/png', %s, 1, 1, %s, %s)",
            *(code, len(content), hashlib.sha256(content).hexdigest(), path),
        )


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginSite]:
    directory = tmp_path_factory.mktemp("in-place")
    (directory / "tree").mkdir()
    with OriginSite(directory, ORIGIN_WORKERS="1", ORIGIN_IN_PLACE=f"file:{directory}/tree") as running:
        yield running


@pytest.fixture(scope="module")
def tree(site: OriginSite) -> Tree:
    (site.directory / "outside").mkdir()
    (site.directory / "outside" / "a.png").write_bytes(SECRET)
    return Tree(site, site.directory / "tree")


def broken(site: OriginSite, code: str) -> str:
    """Assert that an image is answered 500 without a byte of a file. Returns the line of the log."""
    start = len(site.origin.log_text())
    answer = site.request(code)
    assert answer.status_code == 500
    assert answer.headers["Cache-Control"] == "no-store"
    assert b"secret!" not in answer.content
    assert "ETag" not in answer.headers
    (line,) = site.origin.log_text()[start:].splitlines()
    return line


@pytest.mark.parametrize("path", ["a.png", "12/34/Abc.jpg", "2024/été/ü 1.png", "deep/" * 30 + "x"])
def test_a_file_is_served_from_its_own_tree_and_nothing_is_copied(tree: Tree, path: str) -> None:
    before = set(tree.site.origin.files.rglob("*"))
    code, content = tree.add(path)
    answer = tree.site.request(code)
    assert (answer.status_code, answer.content) == (200, content)
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    assert answer.headers["ETag"] == etag
    part = tree.site.request(code, range="bytes=5-9")
    assert (part.status_code, part.content) == (206, content[5:10])
    assert tree.site.request(code, if_none_match=etag).status_code == 304
    assert set(tree.site.origin.files.rglob("*")) == before


def test_a_file_with_and_one_without_a_path_are_served_side_by_side(tree: Tree) -> None:
    own = tree.site.new_image()
    code, content = tree.add("beside.png")
    assert tree.site.request(own).content == tree.site.file_of(own).read_bytes()
    assert tree.site.request(f"{own}/thumb").status_code == 200
    assert tree.site.request(code).content == content


def test_importing_an_image_anew_into_the_own_store_takes_its_path_away(tree: Tree) -> None:
    code, _ = tree.add("moves.png")
    tree.site.new_image(code, dated=False)
    (tree.root / "moves.png").unlink()
    answer = tree.site.request(code)
    assert answer.status_code == 200
    assert answer.content == tree.site.file_of(code).read_bytes()


def test_a_link_is_not_followed_out_of_the_tree_nor_within_it(tree: Tree) -> None:
    code, content = tree.add("linked/a.png")
    inside, outside = tree.root / "linked" / "a.png", tree.site.directory / "outside" / "a.png"
    inside.unlink()
    inside.symlink_to(outside)
    assert "linked/a.png" in broken(tree.site, code)
    inside.unlink()
    inside.parent.rmdir()
    inside.parent.symlink_to(outside.parent)
    assert "linked/a.png" in broken(tree.site, code)
    inside.parent.unlink()
    inside.parent.mkdir()
    inside.write_bytes(content)
    assert tree.site.request(code).content == content


def test_only_a_regular_file_is_served_and_a_pipe_holds_no_thread(tree: Tree) -> None:
    code, content = tree.add("pipe.png")
    file = tree.root / "pipe.png"
    file.unlink()
    os.mkfifo(file)
    for _ in range(20):  # more than there are threads
        assert "not a regular file" in broken(tree.site, code)
    file.unlink()
    file.mkdir()
    broken(tree.site, code)
    file.rmdir()
    file.write_bytes(content)
    assert tree.site.request(code).content == content


@pytest.mark.parametrize("change", [b"", SECRET + b"x", SECRET[:-1]], ids=["emptied", "grown", "shrunk"])
def test_a_file_of_another_size_than_recorded_is_not_served(tree: Tree, change: bytes) -> None:
    code, content = tree.add("changing.png")
    (tree.root / "changing.png").write_bytes(change)
    assert f"has {len(change)} bytes, the database says {len(content)}" in broken(tree.site, code)
    (tree.root / "changing.png").write_bytes(content)
    assert tree.site.request(code).content == content


def test_a_file_that_shrinks_while_it_is_sent_is_broken_off(tree: Tree) -> None:
    code, content = tree.add("large.png", os.urandom(40 << 20))
    url = f"{tree.site.origin.url}/images/{code}"
    with requests.get(url, timeout=60, stream=True) as answer:
        assert answer.status_code == 200
        first = answer.raw.read(1000)
        os.truncate(tree.root / "large.png", 30 << 20)
        with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
            list(answer.iter_content(1 << 20))
    assert first == content[:1000]


def test_a_path_that_leads_out_is_refused_though_a_row_has_it(tree: Tree) -> None:
    """Let the row in by dropping the trigger that refuses it, as a table made by hand would."""
    code, content = tree.add("row.png")
    tree.site.execute("DROP TRIGGER renditions_checked_update")
    try:
        for path in (
            "../outside/a.png",
            str(tree.site.directory / "outside" / "a.png"),
            "row.png/../row.png",
            "./row.png",
        ):
            tree.site.execute("UPDATE renditions SET path = %s WHERE code = %s", path, code)
            assert f"image {code}: column renditions.path holds " in broken(tree.site, code)
        tree.site.execute("UPDATE renditions SET path = 'row.png' WHERE code = %s", code)
        assert tree.site.request(code).content == content
    finally:
        tree.site.database.migrate()
    tree.site.request(code)


def test_a_directory_that_turns_into_a_link_in_between_brings_out_nothing_from_outside(tree: Tree) -> None:
    code, content = tree.add("turning/a.png")
    directory, aside, link = (tree.root / name for name in ("turning", "aside", "link"))
    link.symlink_to(tree.site.directory / "outside")

    def swap() -> None:
        for _ in range(200):
            directory.rename(aside)
            link.rename(directory)
            directory.rename(link)
            aside.rename(directory)

    with BackgroundLoop(swap):
        answers = [tree.site.request(code) for _ in range(300)]
    # 503: the database was held up for two seconds.
    assert {answer.status_code for answer in answers} <= {200, 500, 503}
    assert {answer.content for answer in answers if answer.status_code == 200} <= {content}
    assert not [answer for answer in answers if b"secret!" in answer.content]
    assert tree.site.request(code).content == content


def test_without_a_tree_a_file_in_place_is_500_and_the_log_says_what_to_do(tree: Tree) -> None:
    code, _ = tree.add("alone.png")
    with tree.site.another_origin("without", ORIGIN_WORKERS="1") as origin:
        answer = requests.get(f"{origin.url}/images/{code}", timeout=60)
        assert answer.status_code == 500
        assert "--in-place has to name the tree" in origin.log_text()
