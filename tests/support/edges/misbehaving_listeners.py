"""Run public listeners that misbehave as no edge with the project's VCL can be made to."""

import threading
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from tempfile import mkdtemp

import requests

from purger import model
from purger.edge.instance_proof import HEADER, InstanceProof
from purger.probing.probe import ProbeTarget
from purger.probing.targets import ask_target
from stack.edges.edge import Edge
from stack.processes.waiting import PATIENCE, wait_until
from tests.support.sites.site_actions import Site
from tests.support.threaded_server import threaded_server

#: The headers that prove, with the body, that a banned image is gone.
MARKS = ("Takedown-State", "Repr-Digest")

#: By this a listener proves that it is the instance of an edge without a purge listener.
PROOF = InstanceProof("token", "1")


@dataclass(frozen=True)
class FixedAnswer:
    """An answer that a listener gives whatever was banned or purged."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


@contextmanager
def stuck_listener(body: bytes, *, failing: str = "", edge: Edge | None = None) -> Iterator[str]:
    """Serve one image under every code forever, and 503 for the code ``failing``. Yields the URL.

    Proves that it is ``edge``; None: the instance of ``PROOF``.
    """
    proof = PROOF if edge is None else proof_of(edge)
    with _listening(lambda path: FixedAnswer(503 if path.split("/")[2] == failing else 200, body), proof) as url:
        yield url


@contextmanager
def scripted_listener(asked: list[str], answers: Mapping[str, FixedAnswer]) -> Iterator[str]:
    """Serve these answers by path, and 404 for other paths. Appends each path to ``asked``. Yields the URL."""

    def answer(path: str) -> FixedAnswer:
        asked.append(path)
        return answers.get(path, FixedAnswer(404, b""))

    with _listening(answer) as url:
        yield url


@contextmanager
def stale_listener(edge: Edge, *, once: bool = False) -> Iterator[tuple[str, dict[str, FixedAnswer]]]:
    """Serve stored answers by path, and pass other requests on to ``edge``. Proves that it is that edge.

    Yields the URL, and the stored answers by path, empty at first. Each is served forever, or only ``once``.
    """
    stored: dict[str, FixedAnswer] = {}

    def relayed(path: str) -> FixedAnswer:
        answer = requests.get(edge.url + path, timeout=PATIENCE)
        handed_on = {name: answer.headers[name] for name in MARKS if name in answer.headers}
        return FixedAnswer(answer.status_code, answer.content, handed_on)

    def answer(path: str) -> FixedAnswer:
        return (stored.pop(path, None) if once else stored.get(path)) or relayed(path)

    with _listening(answer, proof_of(edge)) as url:
        yield url, stored


def proof_of(edge: Edge) -> InstanceProof | None:
    """Ask an edge for its instance, as the prober does."""
    return ask_target(model.Edge(edge.edge_name, edge.purge_url, edge.url, str(edge.token_file))).proof


def listener_target(url: str, renditions: Collection[str] | None = None) -> ProbeTarget:
    """Return the target for a listener that has ``PROOF``."""
    return ProbeTarget(model.Edge("e", url, url, "/t"), renditions, PROOF)


@contextmanager
def third_varnish(site: Site) -> Iterator[Edge]:
    """Run a varnishd for ``third_edge``: two edges that are one varnishd prove nothing."""
    directory = Path(mkdtemp(prefix="third", dir=site.stack.directory))
    with Edge(directory, site.stack.origin.address, name="third", lease=120.0) as edge:
        yield edge


@contextmanager
def third_edge(site: Site, edge: Edge, public_url: str) -> Iterator[None]:
    """Add ``edge`` as ``third``, with the public listener at ``public_url``."""
    add = (
        "edge",
        "add",
        "third",
        "--unreachable",
        "--purge-url",
        edge.purge_url,
        "--token-file",
        str(edge.token_file),
        "--public-url",
    )
    site.stack.purger.run(*add, public_url).check_returncode()
    try:
        known = "SELECT COUNT(*) FROM edges WHERE name = 'third' AND instance IS NOT NULL"
        wait_until(lambda: site.number(known) == 1, "the first flush is over")
        yield
    finally:
        # Count the lines of the log: an edge of that name may have been removed before. The purger
        # does not flush an edge that comes back before it has noticed the removal.
        ended, log_text = "edge third is no longer followed", site.stack.purger.log_text
        before = log_text().count(ended)
        site.stack.purger.run("edge", "remove", "third").check_returncode()
        wait_until(lambda: log_text().count(ended) > before, "the purger no longer follows the edge third")


@contextmanager
def raw_listener(*parts: bytes, drip: bytes = b"", every: float = 0.02) -> Iterator[tuple[str, threading.Event]]:
    """Answer each connection with the bytes ``parts``, then with ``drip``, if any, every ``every`` seconds forever.

    Yields the URL, and an event that the first request sets.
    """
    asked, ended = threading.Event(), threading.Event()

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                self.request.recv(4096)
                asked.set()
                for part in parts:
                    self.request.sendall(part)
                while drip and not ended.wait(every):
                    self.request.sendall(drip)

    with threaded_server(ThreadingTCPServer(("127.0.0.1", 0), Handler)) as port:
        try:
            yield f"http://127.0.0.1:{port}", asked
        finally:
            ended.set()


@contextmanager
def _listening(answer: Callable[[str], FixedAnswer], proof: InstanceProof | None = PROOF) -> Iterator[str]:
    """Serve the result of ``answer`` for each path, on a free port, with ``proof``. Yields the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = answer(self.path)
            self.send_response(found.status)
            for name, value in found.headers.items():
                self.send_header(name, value)
            if proof and (question := self.headers[HEADER]):
                self.send_header(HEADER, proof.answer(question))
            self.send_header("Content-Length", str(len(found.body)))
            self.end_headers()
            self.wfile.write(found.body)

        def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
            pass

    with threaded_server(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}"
