"""Measure the origin beside a hello-world and a plain application of Bottle, and WhiteNoise, all on cheroot."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import requests
from mysql.connector.abstracts import MySQLConnectionAbstract
from PIL import Image

from bench.figures.results import Comparison, Contender, Result, compare
from bench.tools.load import cpu_seconds, memory_mb, wrk
from origin.answering.lookup import LookupConnection
from stack.databases.database import Database
from stack.processes.ports import free_port
from stack.processes.server import Server
from stack.processes.waiting import wait_until
from stack.system import Stack, StackSettings
from takedown_db.connection.connect import connect
from takedown_db.statements import statement

_CODE = "bench-20kb"

#: Lookups of a round.
_LOOKUPS = 4000


def run(directory: Path, rounds: int) -> Iterator[Result]:
    """Compare requests/s and CPU time a request for 304s and for images of 20 KB, with one process of 8 threads."""
    settings = StackSettings(origin_options={"ORIGIN_WORKERS": "1", "ORIGIN_THREADS": "8"})
    with ExitStack() as running:
        stack = running.enter_context(Stack(directory / "stack", settings))
        image = _image_of_20_kilobytes(directory / "images")
        stack.origin.import_images(image.parent, "bench")
        database = stack.database.url("origin")
        peers = {
            name: running.enter_context(_peer(directory, name, image.parent, database))
            for name in ("hello", "whitenoise", "plain")
        }
        etag = _etag(stack)
        yield compare("lookup", _lookups(stack.database), rounds)
        hello = _contender(peers["hello"], "/")
        yield compare("304", {"bottle hello": hello, "origin": _origin(stack, f"If-None-Match: {etag}")}, rounds)
        yield compare(
            "200, 20 KB",
            {
                "whitenoise, no lookup": _contender(peers["whitenoise"], f"/{image.name}"),
                "origin": _origin(stack),
                "plain bottle": _contender(peers["plain"], f"/images/{_CODE}"),
            },
            rounds,
        )
        loaded = {"bottle hello": peers["hello"], "whitenoise": peers["whitenoise"], "origin": stack.origin}
        memory = {name: {"RSS MB a process": [memory_mb(server)]} for name, server in loaded.items()}
        yield Comparison("memory after all requests", memory)


def _origin(stack: Stack, header: str = "") -> Contender:
    return _contender(stack.origin, f"/images/{_CODE}", header, stack.database)


def _contender(server: Server, path: str, header: str = "", database: Server | None = None) -> Contender:
    url = f"http://127.0.0.1:{server.ports[0]}{path}"
    return lambda: wrk(url, server, header=header, database=database)


def _lookups(database: Database) -> dict[str, Contender]:
    """Make contenders that look the image up, one after the other, without HTTP: as text, prepared, and a bare row."""
    url = database.url("origin")
    text, prepared = connect(url, timeout=2), LookupConnection(url, timeout=2, replica=False)
    names = {"code": f"'{_CODE}'", "rendition": "'original'"}
    return {
        "as text": lambda: _lookup_cost(lambda: _query(text, statement("look_up_image") % names), database),
        "prepared": lambda: _lookup_cost(lambda: prepared.find(_CODE, "original"), database),
        "bare row": lambda: _lookup_cost(
            lambda: _query(text, f"SELECT owner FROM images WHERE code = '{_CODE}'"), database
        ),
    }


def _query(connection: MySQLConnectionAbstract, query: str) -> None:
    connection.cmd_query(query)
    connection.get_rows()


def _lookup_cost(look_up: Callable[[], object], database: Server) -> Mapping[str, float]:
    before, own, begin = cpu_seconds(database), time.thread_time(), time.perf_counter()
    for _ in range(_LOOKUPS):
        look_up()
    return {
        "database's CPU us/lookup": 1e6 * (cpu_seconds(database) - before) / _LOOKUPS,
        "client's CPU us/lookup": 1e6 * (time.thread_time() - own) / _LOOKUPS,
        "us/lookup": 1e6 * (time.perf_counter() - begin) / _LOOKUPS,
    }


def _peer(directory: Path, name: str, files: Path, database: str) -> Server:
    port = free_port()
    arguments: list[str | Path] = [sys.executable, "-m", "bench.tools.peers", name, str(port), files, database]
    return Server(name, directory / name, arguments, ports=[port], environment={"PYTHONPATH": str(Path.cwd())})


def _etag(stack: Stack) -> str:
    """Return the image's ETag, once the origin sends its Last-Modified."""

    def dated() -> str | None:
        answer = requests.get(f"{stack.origin.url}/images/{_CODE}", timeout=5)
        return answer.headers["ETag"] if "Last-Modified" in answer.headers else None

    return wait_until(dated, "Last-Modified of the image")


def _image_of_20_kilobytes(directory: Path) -> Path:
    directory.mkdir(parents=True)
    path = directory / f"{_CODE}.png"
    Image.effect_noise((150, 130), 90).save(path)  # noise does not compress: a byte a pixel
    return path
