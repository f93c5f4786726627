"""Measure the origin beside a hello-world and a plain application of Bottle, and WhiteNoise, all on cheroot."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import requests
from PIL import Image

from bench.comparison import Contender, compare
from bench.results import Result
from bench.wrk_load import wrk
from stack.ports import free_port
from stack.server import Server
from stack.system import Settings, Stack
from stack.waiting import wait_until

_CODE = "bench-20kb"


def run(directory: Path, rounds: int) -> Iterator[Result]:
    """Compare requests/s and CPU time a request for 304s and for images of 20 KB, with one process of 8 threads."""
    settings = Settings(origin_options={"ORIGIN_WORKERS": "1", "ORIGIN_THREADS": "8"})
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


def _origin(stack: Stack, header: str = "") -> Contender:
    return _contender(stack.origin, f"/images/{_CODE}", header)


def _contender(server: Server, path: str, header: str = "") -> Contender:
    assert server.process is not None
    pid = server.process.pid
    return lambda: wrk(f"http://127.0.0.1:{server.ports[0]}{path}", pid, header=header)


def _peer(directory: Path, name: str, files: Path, database: str) -> Server:
    port = free_port()
    arguments: list[str | Path] = [sys.executable, "-m", "bench.peers", name, str(port), files, database]
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
