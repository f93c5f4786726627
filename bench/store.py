"""Measure an origin's object store and tree in place beside its directory."""

import hashlib
import random
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import obstore

from bench.figures.results import Contender, Result, compare
from bench.tools.load import wrk
from origin.stores.store import key_of
from stack.databases.database import Database
from stack.object_store import ObjectStoreServer
from stack.origin import Origin

_ONE_PROCESS = {"ORIGIN_WORKERS": "1", "ORIGIN_THREADS": "8"}

#: Bytes of the images: most take one read, and the large one several.
_SIZES = {"20 KB": 20_000, "3 MB": 3_000_000}


def run(directory: Path, rounds: int) -> Iterator[Result]:
    """Compare requests/s and the origin's CPU time a request, for whole images. The store's own time is not counted."""
    tree = directory / "tree"
    with ExitStack() as running:
        database = running.enter_context(Database(directory / "database"))
        database.migrate()
        store = running.enter_context(ObjectStoreServer(directory / "store"))
        plain = Origin(directory / "plain", database, options={**_ONE_PROCESS, "ORIGIN_IN_PLACE": str(tree)})
        remote = Origin(directory / "remote", database, options={**_ONE_PROCESS, **store.origin_options()})
        tree.mkdir()
        for code, size in _SIZES.items():
            _add(database, code.replace(" ", "-"), size, tree, plain.files, store)
        for server in (plain, remote):
            running.enter_context(server)
        for title in _SIZES:
            code = title.replace(" ", "-")
            yield compare(
                f"200, {title}",
                {
                    "directory": _contender(plain, code),
                    "in place": _contender(plain, f"{code}-in-place"),
                    "S3": _contender(remote, code),
                },
                rounds,
            )


def _contender(origin: Origin, code: str) -> Contender:
    return lambda: wrk(f"{origin.url}/images/{code}", origin, seconds=2)


def _add(database: Database, code: str, size: int, tree: Path, files: Path, store: ObjectStoreServer) -> None:
    """Put the same bytes into all stores, and record them as two images: one by digest, one by path."""
    content = random.Random(code).randbytes(size)
    digest = hashlib.sha256(content).hexdigest()
    path = f"12/34/{code}.png"
    for file in (tree / path, files / key_of(digest)):
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    obstore.put(store.client(), f"renditions/{key_of(digest)}", content)
    with database.connect_admin() as connection, connection.cursor() as cursor:
        for name, place in ((code, None), (f"{code}-in-place", path)):
            cursor.execute("INSERT INTO images (code, owner) VALUES (%s, 'bench')", (name,))
            cursor.execute(
                "INSERT INTO renditions (code, name, content_type, size, width, height, digest, path)"
                " VALUES (%s, 'original', 'image/png', %s, 1, 1, %s, %s)",
                (name, size, digest, place),
            )
