"""Ask edges which images URLs lead to: many questions on their way at once, and edges that answer in odd ways."""

import re
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from socket import create_server, socket

import pytest

from purger.moderation.url_codes import LedTo, PublicEdge, UrlCodes
from stack.processes.ports import free_port
from tests.support.certificates import Authority

COUNT = 500

#: Answers a URL.
Answer = Callable[[str], bytes]


def answered(status: str, *fields: str) -> bytes:
    """Make an answer without a body."""
    return "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", "Content-Length: 0", *fields, "")).encode()


def with_code(url: str) -> bytes:
    """Answer as an edge does whose map takes the last part of a URL for the code."""
    return answered("200 OK", f"Takedown-Code: {url.rpartition('/')[2]}")


class StubEdge:
    """A listener that answers twice as many questions at a time as before, once it has them all, and counts that.

    A client that sends fewer gets no answer.
    """

    def __init__(self, answer: Answer, most: int, ends_after: int, context: ssl.SSLContext | None) -> None:
        """Answer at most ``most`` questions together, and end each connection after ``ends_after`` answers."""
        self._answer = answer
        self._most = most
        self._ends_after = ends_after
        self._context = context
        self._listening = create_server(("127.0.0.1", 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        self.urls: list[str] = []
        self.rounds = self.connections = 0

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def close(self) -> None:
        self._listening.shutdown(2)
        self._thread.join()
        self._listening.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                with suppress(OSError), connection:
                    self._converse(self._context.wrap_socket(connection, True) if self._context else connection)

    def _converse(self, connection: socket) -> None:
        self.connections += 1
        received, left, together = b"", self._ends_after, 1
        while left and (part := connection.recv(65536)):
            received += part
            asked = re.findall(rb"OPTIONS (\S+) HTTP/1.1\r\n.*?\r\n\r\n", received, re.DOTALL)[:left]
            if len(asked) < min(together, COUNT - len(self.urls)):
                continue
            self.rounds += 1
            together = min(2 * len(asked), self._most)
            received = received.split(b"\r\n\r\n", len(asked))[-1]
            left -= len(asked)
            self.urls += [url.decode() for url in asked]
            connection.sendall(b"".join(self._answer(url.decode()) for url in asked))


Start = Callable[..., StubEdge]


@pytest.fixture
def start() -> Iterator[Start]:
    with ExitStack() as ending:

        def started(
            answer: Answer = with_code,
            most: int = 1,
            ends_after: int = COUNT,
            context: ssl.SSLContext | None = None,
        ) -> StubEdge:
            return ending.enter_context(closing(StubEdge(answer, most, ends_after, context)))

        yield started


def codes_at(*ports: int) -> UrlCodes:
    return UrlCodes([PublicEdge(f"e{port}", f"http://127.0.0.1:{port}", None) for port in ports], 3)


def urls(count: int = COUNT) -> list[tuple[str, str]]:
    return [("https://site.example", f"/media/code{number}") for number in range(count)]


def found(edge: StubEdge, count: int = COUNT) -> list[LedTo]:
    return [LedTo(f"code{number}", 200, f"e{edge.port}") for number in range(count)]


def test_a_list_takes_a_few_times_the_way_to_the_edge_and_not_one_each_url(start: Start) -> None:
    edge = start(most=32)
    assert codes_at(edge.port).find(urls()) == found(edge)
    assert (edge.rounds, edge.connections) == (20, 1)
    assert edge.urls == ["".join(url) for url in urls()]


@pytest.mark.parametrize("ends_after", [1, 7])
def test_the_rest_is_asked_over_a_new_connection_where_an_edge_ends_one(start: Start, ends_after: int) -> None:
    edge = start(ends_after=ends_after)
    codes = codes_at(edge.port)
    assert (codes.find(urls(20)), codes.failures) == (found(edge, 20), [])
    assert edge.connections >= 20 / ends_after, "an answer may be lost where an edge closes what it has not read"


def test_a_url_is_asked_once_and_sent_as_browsers_send_it(start: Start) -> None:
    edge = start()
    given = [("", "/media/Ü %41.jpg/code0"), ("http://s.example", ""), ("", "/media/Ü %41.jpg/code0")]
    answers = codes_at(edge.port).find(given)
    assert answers[0] == answers[2] == LedTo("code0", 200, f"e{edge.port}")
    assert edge.urls == ["/media/%C3%9C%20%41.jpg/code0", "http://s.example/"]


@pytest.mark.parametrize("status", ["404 Not Found", "400 Bad Request", "414 URI Too Long"])
def test_a_url_that_an_edge_refuses_spoils_no_other(start: Start, status: str) -> None:
    edge = start(lambda url: answered(status, "Connection: close") if url.endswith("code3") else with_code(url))
    expected: list[LedTo | None] = [*found(edge, 6)]
    expected[3] = LedTo(None, int(status[:3]), f"e{edge.port}")
    codes = codes_at(edge.port)
    assert (codes.find(urls(6)), codes.failures) == (expected, [])


def test_the_next_edge_is_asked_for_what_the_one_before_it_does_not_say(start: Start) -> None:
    gone = free_port()
    failing = start(lambda url: answered("503 Service Unavailable") if url.endswith("code2") else with_code(url))
    malformed = start(lambda _: answered("200 OK", "Takedown-Code: a/b"))
    good = start()
    codes = codes_at(gone, failing.port, malformed.port, good.port)
    assert codes.find(urls(4)) == [*found(failing, 2), None, None], "a fourth edge is not asked"
    assert [failure.partition(": ")[::2] for failure in codes.failures] == [
        (f"e{gone}", "[Errno 111] Connection refused"),
        (f"e{failing.port}", "answered 503 without a code"),
        (f"e{malformed.port}", "answered 200 without a code"),
    ]
    codes = codes_at(gone, failing.port, good.port)
    assert codes.find(urls(4)) == [*found(failing, 2), *found(good, 4)[2:]]
    asked = len(failing.urls)
    assert codes.find(urls(3)) == found(good, 3)
    assert len(failing.urls) == asked, "an edge that gave no answer is asked no more"


@pytest.mark.parametrize("answers", [0, 3])
def test_an_edge_that_falls_silent_is_named_with_the_time(
    start: Start, monkeypatch: pytest.MonkeyPatch, answers: int
) -> None:
    monkeypatch.setattr("purger.moderation.url_codes._ANSWER", 0.2)
    silent = start(lambda url: with_code(url) if int(url[-1]) < answers else b"")
    codes = codes_at(silent.port)
    assert codes.find(urls(8)) == [*found(silent, answers), *[None] * (8 - answers)]
    assert codes.failures == [f"e{silent.port}: no answer within 0.2 s"]
    assert silent.connections == 1, "it is asked no more"


def test_the_certificate_of_an_edge_may_be_of_its_own_authority(start: Start, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "ours")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*authority.sign("127.0.0.1"))
    edge = start(context=context)
    url = f"https://127.0.0.1:{edge.port}"
    known = UrlCodes([PublicEdge(f"e{edge.port}", url, str(authority.file))], 3)
    assert known.find(urls(1)) == found(edge, 1)
    for file in (None, str(tmp_path / "not-here.pem")):
        unknown = UrlCodes([PublicEdge("e", url, file)], 3)
        assert unknown.find(urls(1)) == [None]
        assert "certificate verify failed" in unknown.failures[0]
