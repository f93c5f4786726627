"""Keep files in the store under their digests, and read them."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from origin.model import ByteRange, FilePart
from origin.stores.contract import CHUNK, DamagedFileError
from origin.stores.directory import Directory, make_directory
from origin.stores.store import Store, key_of
from tests.support.deadline import deadline


def store_in(root: Path) -> Store:
    return Store(Directory(root))


def put(store: Store, content: bytes) -> str:
    with store.incoming() as incoming:
        incoming.file.write(content)
        digest, size = incoming.keep()
    assert digest == hashlib.sha256(content).hexdigest()
    assert size == len(content)
    return digest


def whole(digest: str, size: int) -> FilePart:
    return FilePart(digest, size, ByteRange(0, size))


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


@given(content=st.binary(min_size=1, max_size=3000), data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
def test_what_was_put_in_comes_out_whole_and_in_parts(tmp_path: Path, content: bytes, data: st.DataObject) -> None:
    store = store_in(tmp_path)
    digest = put(store, content)
    start = data.draw(st.integers(0, len(content) - 1))
    length = data.draw(st.integers(1, len(content) - start))
    for part in (ByteRange(0, len(content)), ByteRange(start, length)):
        body = store.open(FilePart(digest, len(content), part), "x")
        assert b"".join(body) == content[part.start : part.start + part.length]
        body.close()


def test_a_large_file_is_read_in_chunks(tmp_path: Path) -> None:
    store, content = store_in(tmp_path), os.urandom(3 * CHUNK + 5)
    body = store.open(whole(put(store, content), len(content)), "x")
    chunks = list(body)
    body.close()
    assert [len(chunk) for chunk in chunks] == [CHUNK, CHUNK, CHUNK, 5]
    assert b"".join(chunks) == content


def test_a_file_that_is_not_what_the_row_says_is_damaged(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    digest = put(store, b"content")
    before = open_files()
    for size in (6, 8):
        with pytest.raises(DamagedFileError, match=r"image-x.*7 bytes"):
            store.open(whole(digest, size), "image-x")
    with pytest.raises(DamagedFileError, match=r"image-y.*No such file"):
        store.open(whole("0" * 64, 7), "image-y")
    (tmp_path / key_of("1" * 64)).mkdir(parents=True)
    with pytest.raises(DamagedFileError, match="image-z"):
        store.open(whole("1" * 64, 7), "image-z")
    assert open_files() == before, "no descriptor was left open"


def put_aside(digest: str, tmp_path: Path) -> tuple[Path, Path]:
    """Move a file out of the store; return where it should be and where it is."""
    inside, outside = tmp_path / "store" / key_of(digest), tmp_path / "outside"
    inside.rename(outside)
    return inside, outside


def test_no_link_is_followed_out_of_the_store(tmp_path: Path) -> None:
    store = store_in(tmp_path / "store")
    (tmp_path / "store").mkdir()
    digest = put(store, b"content")
    before = open_files()
    inside, outside = put_aside(digest, tmp_path)
    inside.symlink_to(outside)
    with pytest.raises(DamagedFileError, match="image-x"):
        store.open(whole(digest, 7), "image-x")
    inside.unlink()
    outside.rename(inside)
    for directory in (inside.parent, inside.parent.parent):
        directory.rename(outside)
        directory.symlink_to(outside)
        with pytest.raises(DamagedFileError, match="image-x"):
            store.open(whole(digest, 7), "image-x")
        directory.unlink()
        outside.rename(directory)
    store.open(whole(digest, 7), "image-x").close()
    assert open_files() == before, "no descriptor was left open"


def test_a_store_may_itself_be_reached_by_a_link(tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (tmp_path / "link").symlink_to("store")
    digest = put(store_in(tmp_path / "store"), b"content")
    store_in(tmp_path / "link").open(whole(digest, 7), "x").close()


def test_only_a_regular_file_is_served_and_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    digest = put(store, b"content")
    before = open_files()
    inside = tmp_path / key_of(digest)
    inside.unlink()
    os.mkfifo(inside)
    with deadline(), pytest.raises(DamagedFileError, match=r"image-x.*not a regular file"):
        store.open(whole(digest, 0), "image-x")
    inside.unlink()
    inside.mkdir()
    with pytest.raises(DamagedFileError, match=r"image-x.*not a regular file"):
        store.open(whole(digest, inside.stat().st_size), "image-x")
    assert open_files() == before, "no descriptor was left open"


def test_a_name_in_a_message_is_escaped(tmp_path: Path) -> None:
    with pytest.raises(DamagedFileError) as damaged:
        store_in(tmp_path).open(whole("0" * 64, 7), "/images/x\x1b[31m\n")
    assert str(damaged.value).isprintable()


def test_a_file_that_shrinks_while_it_is_sent_ends_in_an_error(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    digest = put(store, bytes(3 * CHUNK))
    body = store.open(whole(digest, 3 * CHUNK), "image-x")
    assert len(next(body)) == CHUNK
    os.truncate(tmp_path / key_of(digest), CHUNK + 10)
    with pytest.raises(DamagedFileError, match=f"image-x.*ends at byte {CHUNK + 10}"):
        list(body)
    body.close()


def test_a_replaced_file_does_not_change_what_is_being_sent(tmp_path: Path) -> None:
    store, content = store_in(tmp_path), os.urandom(2 * CHUNK)
    digest = put(store, content)
    body = store.open(whole(digest, len(content)), "x")
    put(store, content)
    (tmp_path / key_of(digest)).unlink()
    assert b"".join(body) == content
    body.close()


def test_what_is_not_kept_leaves_nothing_behind(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    with store.incoming() as incoming:
        incoming.file.write(b"x")
        assert len(list(tmp_path.iterdir())) == 1
    assert not list(tmp_path.iterdir())
    with pytest.raises(RuntimeError), store.incoming():
        raise RuntimeError
    assert not list(tmp_path.iterdir())


def test_what_is_kept_has_one_name_and_can_be_read_by_another_user(tmp_path: Path) -> None:
    store = store_in(tmp_path)
    digest = put(store, b"content")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [digest]
    assert (tmp_path / key_of(digest)).stat().st_mode & 0o444 == 0o444


@pytest.mark.parametrize("umask", [0o022, 0o077])
def test_another_user_can_enter_the_directories_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    root = tmp_path / "for" / "images"
    before = os.umask(umask)
    try:
        make_directory(root)
        put(store_in(root), b"content")
    finally:
        os.umask(before)
    made = [root.parent, *(path for path in root.parent.rglob("*") if path.is_dir())]
    assert len(made) == 4
    assert {path.stat().st_mode & 0o777 for path in made} == {0o755}


def test_a_directory_that_was_there_keeps_its_mode(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)
    make_directory(tmp_path)
    put(store_in(tmp_path), b"content")
    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_only_a_regular_file_of_the_right_size_is_there(tmp_path: Path) -> None:
    store = store_in(tmp_path / "store")
    (tmp_path / "store").mkdir()
    digest = put(store, b"content")
    assert store.has(digest, 7)
    assert not store.has("0" * 64, 7)
    assert not store.has(digest, 6)
    inside, outside = put_aside(digest, tmp_path)
    inside.symlink_to(outside)
    assert not store.has(digest, 7)
    inside.unlink()
    inside.mkdir()
    assert not store.has(digest, inside.stat().st_size)
    inside.rmdir()
    inside.parent.rmdir()
    inside.parent.write_text("no directory")
    assert not store.has(digest, 7)
