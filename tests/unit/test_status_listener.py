"""Check the listener for monitoring: pages, methods, and clients that send nothing or read nothing."""

import socket
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus

import pytest
import requests

from takedown_db import status_listener
from takedown_db.listen_address import Address
from takedown_db.status_listener import Page, StatusListener, health_page, open_listener


def fail() -> Page:
    raise ValueError("a bug")


@pytest.fixture
def listener(monkeypatch: pytest.MonkeyPatch) -> Iterator[StatusListener]:
    monkeypatch.setattr(status_listener, "_PATIENCE", 0.2)
    pages = {
        "/metrics": lambda: Page("a 1\n", content_type="text/plain; version=0.0.4"),
        "/healthz": lambda: health_page([]),
        "/readyz": lambda: health_page(["database: away", "store: away"]),
        "/bug": fail,
    }
    with open_listener(Address("127.0.0.1", 0)) as listening:
        listener = StatusListener(listening, pages)
        listener.start()
        yield listener


def test_pages_are_answered_with_their_status_and_type(listener: StatusListener) -> None:
    answer = requests.get(f"http://{listener.address}/metrics?x=1", timeout=5)
    assert (answer.status_code, answer.text) == (200, "a 1\n")
    assert answer.headers["Content-Type"] == "text/plain; version=0.0.4"
    assert requests.get(f"http://{listener.address}/healthz", timeout=5).text == "ok\n"
    answer = requests.get(f"http://{listener.address}/readyz", timeout=5)
    assert (answer.status_code, answer.text) == (503, "database: away\nstore: away\n")


def test_other_paths_methods_and_bugs_are_answered_too(listener: StatusListener) -> None:
    assert requests.get(f"http://{listener.address}/", timeout=5).status_code == HTTPStatus.NOT_FOUND
    assert requests.post(f"http://{listener.address}/metrics", timeout=5).status_code == 405
    assert requests.get(f"http://{listener.address}/bug", timeout=5).status_code == 500
    answer = requests.head(f"http://{listener.address}/metrics", timeout=5)
    assert (answer.status_code, answer.headers["Content-Length"], answer.text) == (200, "4", "")


def test_silent_and_dripping_clients_do_not_keep_others_from_an_answer(listener: StatusListener) -> None:
    with ExitStack() as clients:
        for sent in (b"", b"GET /metr", b"", b"x" * 20_000, b"", b""):
            client = clients.enter_context(socket.create_connection((listener.address.host, listener.address.port)))
            client.sendall(sent)
        assert requests.get(f"http://{listener.address}/healthz", timeout=5).text == "ok\n"
