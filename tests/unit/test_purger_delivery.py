"""What a delivery makes of an edge that is none: only a server of the test's own answers so."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from purger.delivery import Delivery
from purger.errors import RefusedError, SlowError
from purger.model import Edge

OURS = b'HTTP/1.1 200 OK\r\nETag: "one"\r\nTakedown-Now: 1700000000.000\r\n'

Serve = Callable[..., Delivery]


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Starts a server that answers one request with ``head`` and then ``part`` for ever; a delivery to it."""
    token = tmp_path / "token"
    token.write_text("sesame")
    with ExitStack() as closing:

        def start(head: bytes, part: bytes, pause: float, read_timeout: float = 60) -> Delivery:
            listening = closing.enter_context(socket.create_server(("127.0.0.1", 0)))
            ended = threading.Event()

            def answer() -> None:
                connection, _ = listening.accept()
                with connection, suppress(OSError):
                    connection.recv(4096)
                    connection.sendall(head + b"\r\n")
                    while not ended.wait(pause):
                        connection.sendall(part)

            thread = threading.Thread(target=answer)
            thread.start()
            closing.callback(thread.join)
            closing.callback(ended.set)
            url = f"http://127.0.0.1:{listening.getsockname()[1]}"
            delivery = Delivery(Edge("e", url, url, str(token)), connect_timeout=60, read_timeout=read_timeout)
            closing.callback(delivery.close)
            return delivery

        yield start


def test_a_body_without_an_end_is_not_read_to_the_end(serve: Serve) -> None:
    assert serve(OURS, b"x" * 1000, 0.0).ask().instance == "one"
    with pytest.raises(RefusedError, match="check the purge URL"):
        serve(b"HTTP/1.1 200 OK\r\n", b"x" * 1000, 0.0).ask()


def test_a_body_that_drips_is_too_slow(serve: Serve) -> None:
    with pytest.raises(SlowError):
        serve(OURS, b"x", 0.02, read_timeout=1).ask()


@pytest.mark.parametrize("header", [b"Takedown-Now: 99999999999999999999.000", b"Takedown-Now: later"])
def test_a_clock_that_is_none_is_refused(serve: Serve, header: bytes) -> None:
    with pytest.raises(RefusedError, match="check the purge URL"):
        serve(b'HTTP/1.1 200 OK\r\nETag: "one"\r\nContent-Length: 0\r\n' + header + b"\r\n", b"", 1).ask()


def test_a_count_that_no_column_holds_is_not_taken(serve: Serve) -> None:
    assert serve(OURS + b"Content-Length: 0\r\nTakedown-Removed: 99999999999999\r\n", b"", 1).ask().removed is None
