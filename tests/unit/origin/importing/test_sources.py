"""List and open files below a directory that other users write into."""

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from origin.importing.sources import DirectoryTree
from tests.support.deadline import deadline

Refused = list[tuple[Path, str]]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "root").mkdir()
    return tmp_path / "root"


def listed(root: Path, *, follow: bool = False) -> tuple[list[str], Refused]:
    refused: Refused = []
    files = DirectoryTree(root, follow_symlinks=follow).files(lambda path, reason: refused.append((path, reason)))
    return [str(path) for path in files], refused


def open_below(root: Path) -> list[str]:
    """List what this process has open of a directory; what earlier tests have left may be closed at any time."""
    found = []
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            found.append(str(descriptor.readlink()))
    return [path for path in found if path.startswith(str(root.resolve()))]


def read(root: Path, path: str, *, follow: bool = False) -> bytes:
    with DirectoryTree(root, follow_symlinks=follow).opened(Path(path)) as descriptor:
        return os.read(descriptor, 100)


@pytest.fixture
def deep() -> Iterator[tuple[Path, str]]:
    """Make a file below 1,200 nested directories. Returns the top directory and the path in it."""
    # Not below tmp_path: pytest recurses when it clears away what a killed run has left there, and would fail for good.
    root = Path(tempfile.mkdtemp(prefix="takedown-deep-"))
    outer = os.open(root, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=outer)
        inner = os.open("d", os.O_RDONLY, dir_fd=outer)
        os.close(outer)
        outer = inner
    os.close(os.open("x.png", os.O_WRONLY | os.O_CREAT, dir_fd=outer))
    os.close(outer)
    yield root, "d/" * 1200 + "x.png"
    subprocess.run(["rm", "-r", root], check=True)  # Python's own way recurses


def test_files_are_listed_in_a_lasting_order_without_hidden_ones(root: Path) -> None:
    for name in ("b/2", "b/1", "a/z", "c", ".hidden", ".git/x", "a/.x"):
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).touch()
    assert listed(root) == (["c", "a/z", "b/1", "b/2"], [])


def test_no_depth_is_too_much(deep: tuple[Path, str]) -> None:
    root, path = deep
    assert listed(root) == ([path], [])
    assert read(root, path) == b""


def test_links_are_refused_unless_they_are_to_be_followed(root: Path) -> None:
    outside = root.parent / "outside"
    outside.mkdir()
    (outside / "x.png").write_bytes(b"x")
    (root / "file").symlink_to(outside / "x.png")
    (root / "directory").symlink_to(outside)
    (root / "nowhere").symlink_to("gone")
    files, refused = listed(root)
    assert files == []
    assert [str(path) for path, reason in refused if "--follow-symlinks" in reason] == ["directory", "file", "nowhere"]
    for path in ("file", "directory/x.png"):
        with pytest.raises(OSError, match=path.split("/", maxsplit=1)[0]):
            read(root, path)

    assert listed(root, follow=True) == (["file", "nowhere", "directory/x.png"], [])
    assert read(root, "directory/x.png", follow=True) == b"x"


def test_a_link_into_itself_is_read_once(root: Path) -> None:
    (root / "x").touch()
    (root / "loop").symlink_to(root)
    files, refused = listed(root, follow=True)
    assert files == ["x"]
    assert [(str(path), reason[:28]) for path, reason in refused] == [("loop", "a directory that was read al")]


def test_a_directory_that_becomes_a_link_after_it_was_listed_is_not_followed(root: Path) -> None:
    secret = root.parent / "secret"
    secret.mkdir()
    (secret / "x.png").write_bytes(b"secret")
    (root / "a").mkdir()
    (root / "a/x.png").touch()
    files, _ = listed(root)
    (root / "a").rename(root / "former")
    (root / "a").symlink_to(secret)
    with pytest.raises(OSError, match="'a'"):
        read(root, files[0])


def test_a_pipe_is_not_waited_for(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with deadline():
        assert read(root, "pipe") == b""


def test_no_descriptor_is_left_open(root: Path) -> None:
    (root / "a").mkdir()
    listed(root)
    with pytest.raises(OSError, match="nothing"):
        read(root, "a/nothing")
    assert open_below(root) == []
