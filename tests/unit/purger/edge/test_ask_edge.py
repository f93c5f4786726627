"""Ask several edges at once, each in a thread with a loop of its own."""

import socketserver
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from purger.edge.ask import ask_edge
from purger.model import Edge
from stack.processes.waiting import PATIENCE
from tests.support.threaded_server import threaded_server

EDGES, TIMES = 8, 100


def listener(name: str) -> type[socketserver.BaseRequestHandler]:
    """Make a handler that answers as the instance ``name``."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.recv(4096)
            self.request.sendall(
                b'HTTP/1.1 200 OK\r\nETag: "%b"\r\nTakedown-Now: 1700000000.000\r\nTakedown-Batch: 5:fifth\r\n'
                b"Content-Length: 0\r\n\r\n" % name.encode()
            )

    return Handler


def test_threads_that_ask_at_once_get_the_answers_of_their_own_edges(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("sesame")
    token.chmod(0o600)
    with ExitStack() as running, ThreadPoolExecutor(EDGES) as threads:
        edges = []
        for number in range(EDGES):
            server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), listener(f"varnishd-{number}"))
            url = f"http://127.0.0.1:{running.enter_context(threaded_server(server))}"
            edges.append(Edge(f"varnishd-{number}", url, url, str(token)))

        def wrong(edge: Edge) -> list[str]:
            asked = (ask_edge(edge, connect_timeout=PATIENCE, read_timeout=PATIENCE) for _ in range(TIMES))
            return [answer.instance for answer, _ in asked if answer.instance != edge.name]

        assert [*threads.map(wrong, edges)] == [[]] * EDGES
