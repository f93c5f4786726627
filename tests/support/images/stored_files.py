"""Look into an origin's stores, and damage them, whatever their kind."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import obstore

from stack.object_store import BUCKET, ObjectStoreServer
from tests.support.sites.origin_site import OriginSite


class DirectoryFiles:
    """The files below a directory, by their paths."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def read(self) -> dict[str, bytes]:
        files = (path for path in self._root.rglob("*") if path.is_file())
        return {path.relative_to(self._root).as_posix(): path.read_bytes() for path in files}

    def write(self, key: str, content: bytes) -> None:
        path = self._root / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def remove(self, key: str) -> None:
        (self._root / key).unlink()


class BucketFiles:
    """The objects below a prefix of the bucket of an object store."""

    def __init__(self, store: ObjectStoreServer, prefix: str) -> None:
        self._client = store.client()
        self._prefix = prefix

    def read(self) -> dict[str, bytes]:
        found = [each["path"] for page in obstore.list(self._client, self._prefix) for each in page]
        return {path.removeprefix(f"{self._prefix}/"): bytes(obstore.get(self._client, path).bytes()) for path in found}

    def write(self, key: str, content: bytes) -> None:
        obstore.put(self._client, f"{self._prefix}/{key}", content)

    def remove(self, key: str) -> None:
        obstore.delete(self._client, f"{self._prefix}/{key}")


class StoredSite:
    """An origin with an own store and a tree in place, both of one kind."""

    def __init__(self, site: OriginSite, own: DirectoryFiles | BucketFiles, tree: DirectoryFiles | BucketFiles) -> None:
        self.site = site
        self.own = own
        self.tree = tree

    def everywhere(self) -> bytes:
        """Return all bytes of both stores, one file behind the other."""
        return b"".join([*self.own.read().values(), *self.tree.read().values()])

    def add(self, *files: tuple[str, bytes, str | None], code: str = "") -> str:
        """Write and record an image. Returns its code.

        A file is the name of a rendition, its content, and its path in place, or None for the own store.
        """
        code = code or self.site.new_code()
        self.site.execute("INSERT INTO images (code, owner) VALUES (%s, 'joe')", code)
        for name, content, path in files:
            digest = hashlib.sha256(content).hexdigest()
            if path is None:
                self.own.write(f"{digest[:2]}/{digest[2:4]}/{digest}", content)
            else:
                self.tree.write(path, content)
            self.site.execute(
                "INSERT INTO renditions (code, name, content_type, size, width, height, digest, path)"
                " VALUES (%s, %s, 'image/png', %s, 1, 1, %s, %s)",
                *(code, name, len(content), digest, path),
            )
        return code


@contextmanager
def stored_site(directory: Path, kind: str) -> Iterator[StoredSite]:
    """Run a database and an origin with stores of a kind: ``directory`` or ``s3``."""
    if kind == "directory":
        (directory / "tree").mkdir(parents=True)
        with OriginSite(directory, ORIGIN_WORKERS="1", ORIGIN_IN_PLACE=str(directory / "tree")) as site:
            yield StoredSite(site, DirectoryFiles(site.origin.files), DirectoryFiles(directory / "tree"))
        return
    with ObjectStoreServer(directory / "store") as store:
        options = {"ORIGIN_IN_PLACE": f"s3://{BUCKET}/tree", "ORIGIN_IN_PLACE_SETTINGS": str(store.settings)}
        with OriginSite(directory, ORIGIN_WORKERS="1", **store.origin_options(), **options) as site:
            yield StoredSite(site, BucketFiles(store, "renditions"), BucketFiles(store, "tree"))
