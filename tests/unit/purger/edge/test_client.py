"""Raise the right error for each faulty answer to a request; a fake purge listener sends them."""

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import pytest

from purger.edge.errors import (
    AddressRefusedError,
    DeliveryError,
    FailingError,
    MalformedError,
    OtherInstanceError,
    RefusedError,
    SlowError,
    UnreachableError,
    UntrustedError,
)
from purger.edge.purge_request import Request
from purger.model import Edge
from stack.processes.waiting import PATIENCE
from tests.support.certificates import Authority
from tests.support.edges.link_client import LinkClient

NOW = 1700000000.0
OURS = b'HTTP/1.1 200 OK\r\nETag: "one"\r\nTakedown-Now: %.3f\r\nTakedown-Batch: 5:fifth\r\n' % NOW

Serve = Callable[..., LinkClient]
Connect = Callable[..., LinkClient]


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Make clients of a URL with a token file."""
    with ExitStack() as closing:

        def start(url: str, token: Path, **files: Any) -> LinkClient:
            edge = Edge("e", url, url, str(token), **files)
            started = LinkClient(edge, connect_timeout=PATIENCE, read_timeout=PATIENCE)
            closing.callback(started.close)
            return started

        yield start


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Serve]:
    """Start a server that answers one request with ``head`` and then ``part`` for ever; yield a client of it."""
    token = tmp_path / "token"
    token.write_text("sesame")
    token.chmod(0o600)
    with ExitStack() as closing:

        def start(head: bytes, part: bytes, pause: float, read_timeout: float = 60) -> LinkClient:
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
            delivery = LinkClient(Edge("e", url, url, str(token)), connect_timeout=60, read_timeout=read_timeout)
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


@pytest.mark.parametrize("clock", [b"99999999999999999999.000", b"later"])
def test_a_clock_that_is_none_is_refused(serve: Serve, clock: bytes) -> None:
    with pytest.raises(RefusedError, match="check the purge URL"):
        serve(OURS.replace(b"%.3f" % NOW, clock) + b"Content-Length: 0\r\n", b"", 1).ask()


def test_an_edge_with_another_vcl_is_told_by_its_missing_position(serve: Serve) -> None:
    with pytest.raises(RefusedError, match=r"load the VCL of this version into the edge \(docs/operate/edge.md\)"):
        serve(OURS.partition(b"Takedown-Batch")[0] + b"Content-Length: 0\r\n", b"", 1).ask()


def test_a_count_that_no_column_holds_is_not_taken(serve: Serve) -> None:
    assert serve(OURS + b"Content-Length: 0\r\nTakedown-Removed: 99999999999999\r\n", b"", 1).ask().removed is None


@pytest.mark.parametrize(
    ("lines", "renditions"),
    [
        (b"", None),
        (b"Takedown-Renditions:\r\n", ()),
        (b"Takedown-Renditions: thumb\r\n", ("thumb",)),
        (b"Takedown-Renditions: thumb, small_2,thumb\r\n", ("thumb", "small_2")),
        (b"Takedown-Renditions: thumb\r\nTakedown-Renditions: small\r\n", ("thumb", "small")),
        (b"Takedown-Renditions: thumb,../x\r\n", None),
        (b"Takedown-Renditions: thumb,,small\r\n", None),
        (b"Takedown-Renditions: Thumb\r\n", None),
        (b"Takedown-Renditions: " + b"x" * 33 + b"\r\n", None),
        (b"Takedown-Renditions: " + b",".join(b"%d" % number for number in range(101)) + b"\r\n", None),
    ],
)
def test_the_renditions_of_an_edge_are_names_or_none(
    serve: Serve, lines: bytes, renditions: tuple[str, ...] | None
) -> None:
    assert serve(OURS + b"Content-Length: 0\r\n" + lines, b"", 1).ask().renditions == renditions


@pytest.mark.parametrize(
    ("lines", "remaining"),
    [
        (b"", None),
        (b"Takedown-Epoch: 999.000\r\n", None),
        (b"Takedown-Lease: 10.000\r\n", 0.0),
        (b"Takedown-Lease: 10.000\r\nTakedown-Epoch: %.3f\r\n" % (NOW - 4), 6.0),
        (b"Takedown-Lease: 10.000\r\nTakedown-Epoch: %.3f\r\n" % (NOW - 40), 0.0),
        (b"Takedown-Lease: 1e9\r\nTakedown-Epoch: %.3f\r\n" % NOW, None),
    ],
)
def test_the_rest_of_a_lease_is_reckoned_by_the_clock_of_the_edge(
    serve: Serve, lines: bytes, remaining: float | None
) -> None:
    assert serve(OURS + b"Content-Length: 0\r\n" + lines, b"", 1).ask().lease_remaining == remaining


def test_headers_that_drip_are_too_slow(serve: Serve) -> None:
    with pytest.raises(SlowError, match=r"no whole answer to HEARTBEAT within 1 s"):
        serve(b"HTTP/1.1 200 OK\r\nX: y", b"x", 0.02, read_timeout=1).ask()
    with pytest.raises(SlowError):
        serve(b"HTTP/1.1 100 Continue\r\n", b"HTTP/1.1 100 Continue\r\n\r\n", 0.02, read_timeout=1).ask()


class Listener:
    """A server of the test's own that gives each connection one answer and records the requests."""

    def __init__(self, answer: bytes, context: ssl.SSLContext | None = None) -> None:
        self.answer = answer
        self.received = b""
        self._context = context
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._listening.settimeout(20)
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> "Listener":
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        connection, _ = self._listening.accept()
        connection.settimeout(20)
        with suppress(OSError), connection:
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            self.received += connection.recv(65536)
            connection.sendall(self.answer)
            connection.shutdown(socket.SHUT_WR)


@pytest.fixture
def token(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    file.write_text("sesame\n")
    file.chmod(0o600)
    return file


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1",
        b"HTTP/1.1 200 O",
        b"HTTP/1.1 200 OK\r\nETag: ",
        b"HTTP/1.1 nonsense\r\n\r\n",
        b"\x16\x03\x01garbage\x1b[2J\r\n",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        OURS + b"Content-Length: 10\r\n\r\nshort",
        OURS + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello",
        OURS + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhel",
        b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70000 + b"\r\n\r\n",
    ],
)
def test_an_answer_that_is_broken_is_one_line_and_no_acknowledgement(
    connect: Connect, token: Path, answer: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    with Listener(answer) as listener:
        delivery = connect(f"http://127.0.0.1:{listener.port}", token)
        caplog.set_level(logging.DEBUG)
        with pytest.raises(UnreachableError) as caught:
            delivery.ask()
    assert str(caught.value).isprintable()
    assert caplog.text == ""


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (302, RefusedError),
        (400, MalformedError),
        (403, RefusedError),
        (412, OtherInstanceError),
        (429, RefusedError),
        (500, FailingError),
        (503, FailingError),
    ],
)
def test_each_status_is_its_kind_of_error(
    connect: Connect, token: Path, status: int, kind: type[DeliveryError]
) -> None:
    answer = b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status
    with Listener(answer) as listener, pytest.raises(DeliveryError, match=str(status)) as caught:
        connect(f"http://127.0.0.1:{listener.port}", token).ask()
    assert type(caught.value) is kind


def test_a_refusal_by_the_acl_is_another_one_than_by_the_token(connect: Connect, token: Path) -> None:
    text = b"Forbidden: this address is not in the ACL takedown_purgers of default.vcl"
    answer = b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\n\r\n%b" % (len(text), text)
    with Listener(answer) as listener, pytest.raises(AddressRefusedError, match="takedown_purgers"):
        connect(f"http://127.0.0.1:{listener.port}", token).ask()


def test_an_answer_is_shown_without_its_control_characters(connect: Connect, token: Path) -> None:
    answer = b"HTTP/1.1 403 No\r\nContent-Length: 10\r\n\r\n\x1b[2Jno\nway"
    with Listener(answer) as listener, pytest.raises(RefusedError) as caught:
        connect(f"http://127.0.0.1:{listener.port}", token).ask()
    assert str(caught.value) == "403 \\x1b[2Jno way"


@pytest.mark.parametrize("value", ["a\r\nX: y", "\u00e9", "a\x00"])
def test_a_header_that_http_cannot_hold_is_malformed_and_not_sent(connect: Connect, token: Path, value: str) -> None:
    request = Request("PURGE", "/", (("Takedown-Tags", value),))
    with pytest.raises(MalformedError):
        connect("http://127.0.0.1:1", token).send(request, None)


@pytest.mark.parametrize("url", ["http://u:pw@127.0.0.1:1", "ftp://x", "http://x:99999", "http://[x", "http://x/y", ""])
def test_a_url_that_was_written_into_the_table_by_hand_is_an_error_of_this_edge_alone(
    connect: Connect, token: Path, url: str
) -> None:
    with pytest.raises(UnreachableError) as caught:
        connect(url, token).ask()
    assert "pw" not in str(caught.value)


def server_context(authority: Authority, host: str = "127.0.0.1") -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.sign(host))
    return context


def test_a_listener_is_told_the_token_when_its_certificate_is_right(
    connect: Connect, token: Path, tmp_path: Path
) -> None:
    ours = Authority(tmp_path, "ours")
    with Listener(OURS + b"Content-Length: 0\r\n\r\n", server_context(ours)) as listener:
        delivery = connect(f"https://127.0.0.1:{listener.port}", token, ca_file=str(ours.file))
        assert delivery.ask().instance == "one"
    assert b"Authorization: Bearer sesame\r\n" in listener.received


@pytest.mark.parametrize("wrong", ["authority", "host", "system"])
def test_a_listener_without_the_right_certificate_gets_no_token(
    connect: Connect, token: Path, tmp_path: Path, wrong: str
) -> None:
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    context = server_context(
        other if wrong == "authority" else ours, "edge.example" if wrong == "host" else "127.0.0.1"
    )
    ca_file = None if wrong == "system" else str(ours.file)
    with Listener(OURS + b"\r\n", context) as listener, pytest.raises(UntrustedError, match="see CA"):
        connect(f"https://127.0.0.1:{listener.port}", token, ca_file=ca_file).ask()
    assert listener.received == b""


def test_a_listener_that_speaks_no_tls_gets_no_token(connect: Connect, token: Path) -> None:
    with Listener(b"HTTP/1.1 400 Bad Request\r\n\r\n") as listener, pytest.raises(UntrustedError):
        connect(f"https://127.0.0.1:{listener.port}", token).ask()
    assert b"Bearer" not in listener.received


def test_files_of_tls_that_cannot_be_used_are_named(connect: Connect, token: Path, tmp_path: Path) -> None:
    url, none = "https://127.0.0.1:1", str(tmp_path / "none")
    for files in ({"ca_file": none}, {"certificate_file": none}, {"ca_file": str(token)}):
        with pytest.raises(UntrustedError, match=r"(CA|certificate) file: .* cannot be used"):
            connect(url, token, **files).ask()


@pytest.mark.parametrize("epoch", ["nan", "soon", "1_0.000", "-1.000", "1e9", ""])
def test_an_epoch_that_is_no_time_is_refused(serve: Serve, epoch: str) -> None:
    head = OURS + f"Takedown-Epoch: {epoch}\r\nContent-Length: 0\r\n".encode()
    with pytest.raises(RefusedError, match="Takedown-Epoch is no time"):
        serve(head, b"", 0.1).ask()
