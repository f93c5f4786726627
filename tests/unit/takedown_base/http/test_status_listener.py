"""Check the listener for monitoring: pages, methods, and clients that send nothing or read nothing."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus

import pytest
import requests

from stack.processes.waiting import PATIENCE
from takedown_base.http.server import reserve_port
from takedown_base.http.status_listener import Page, StatusListener, health_page
from takedown_base.listen_address import Address


def fail() -> Page:
    raise ValueError("a bug")


PAGES = {
    "/metrics": lambda: Page("a 1\n", content_type="text/plain; version=0.0.4"),
    "/healthz": lambda: health_page([]),
    "/readyz": lambda: health_page(["database: away", "store: away"]),
    "/bug": fail,
}


@pytest.fixture(scope="module")
def listener() -> Iterator[StatusListener]:
    with reserve_port(Address("127.0.0.1", 0), share=True) as reserved:
        listener = StatusListener(reserved, PAGES)
        listener.start()
        yield listener
        listener.stop()


def test_pages_are_answered_with_their_status_and_type(listener: StatusListener) -> None:
    answer = requests.get(f"http://{listener.address}/metrics?x=1", timeout=PATIENCE)
    assert (answer.status_code, answer.text) == (200, "a 1\n")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4"
    assert requests.get(f"http://{listener.address}/healthz", timeout=PATIENCE).text == "ok\n"
    answer = requests.get(f"http://{listener.address}/readyz", timeout=PATIENCE)
    assert (answer.status_code, answer.text) == (503, "database: away\nstore: away\n")


def test_other_paths_methods_and_bugs_are_answered_too(listener: StatusListener) -> None:
    assert requests.get(f"http://{listener.address}/", timeout=PATIENCE).status_code == HTTPStatus.NOT_FOUND
    assert requests.post(f"http://{listener.address}/metrics", timeout=PATIENCE).status_code == 405
    assert requests.get(f"http://{listener.address}/bug", timeout=PATIENCE).status_code == 500
    answer = requests.head(f"http://{listener.address}/metrics", timeout=PATIENCE)
    assert (answer.status_code, answer.headers["Content-Length"], answer.text) == (200, "4", "")


def test_silent_and_dripping_clients_do_not_keep_others_from_an_answer(listener: StatusListener) -> None:
    with ExitStack() as clients:
        for sent in (b"", b"GET /metr", b"", b"x" * 40_000, b"", b"", b"GET /healthz HTTP/1.0\r\n\r\n"):
            client = clients.enter_context(
                socket.create_connection((listener.address.host, listener.address.port), PATIENCE)
            )
            client.sendall(sent)
        with client.makefile("rb") as answer:
            assert answer.read().endswith(b"\r\n\r\nok\n")


def test_forty_slow_heads_do_not_delay_a_health_check(listener: StatusListener) -> None:
    with ExitStack() as clients:
        for _ in range(40):
            client = clients.enter_context(
                socket.create_connection((listener.address.host, listener.address.port), PATIENCE)
            )
            client.sendall(b"GET /healthz HTTP/1.1\r\n")
        assert requests.get(f"http://{listener.address}/healthz", timeout=PATIENCE).text == "ok\n"
