"""Read lines and bodies from a socket, and write to one, within their time limits."""

import socket
import threading
from collections.abc import Iterable, Iterator
from typing import NamedTuple, cast

import pytest

from stack.processes.waiting import PATIENCE
from takedown_base.http.request_head import MAX_HEAD_BYTES
from takedown_base.http.socket_timeouts import wait_in_kernel
from takedown_base.http.sockets import NEXT_REQUEST_WAIT, SocketReader, SocketWriter


class Pair(NamedTuple):
    """The server's socket with its reader and writer, and the client's."""

    server: socket.socket
    reader: SocketReader
    writer: SocketWriter
    client: socket.socket


@pytest.fixture
def pair() -> Iterator[Pair]:
    server, client = socket.socketpair()
    with server, client:
        wait_in_kernel(server, NEXT_REQUEST_WAIT, PATIENCE)
        yield Pair(server, SocketReader(server, PATIENCE), SocketWriter(server), client)


def test_lines_are_read_whole_one_by_one_and_up_to_the_end(pair: Pair) -> None:
    pair.client.sendall(b"one\r\ntwo\r\n\r\nrest")
    pair.client.shutdown(socket.SHUT_WR)
    assert [pair.reader.readline(100) for _ in range(6)] == [b"one\r\n", b"two\r\n", b"\r\n", b"rest", b"", b""]


def test_a_line_that_comes_in_pieces_is_waited_for(pair: Pair) -> None:
    pair.client.sendall(b"one ")
    assert not pair.reader.arrive()
    later = threading.Timer(0.02, pair.client.sendall, [b"line\r\nnext"])
    later.start()
    assert pair.reader.readline(100) == b"one line\r\n"
    later.join()
    assert pair.reader.read(4) == b"next"


def test_a_body_that_comes_in_pieces_is_waited_for_behind_its_head(pair: Pair) -> None:
    pair.client.sendall(b"head of a request\r\nab")
    assert pair.reader.readline(100) == b"head of a request\r\n"
    later = threading.Timer(0.02, pair.client.sendall, [b"cd"])
    later.start()
    assert pair.reader.read(4) == b"abcd"
    later.join()


@pytest.mark.parametrize("size", [1, 5, 6, 7, 30_000])
def test_a_line_is_cut_at_the_limit(pair: Pair, size: int) -> None:
    pair.client.sendall(b"x" * 40_000 + b"\n")
    assert pair.reader.readline(size) == b"x" * size
    assert pair.reader.readline(3) == b"xxx"


def test_a_line_as_long_as_the_limit_is_whole(pair: Pair) -> None:
    pair.client.sendall(b"abc\nd")
    assert pair.reader.readline(4) == b"abc\n"
    assert pair.reader.readline(1) == b"d"


def test_bytes_are_read_up_to_a_size_or_the_end(pair: Pair) -> None:
    pair.client.sendall(b"a" * 20_000)
    pair.client.shutdown(socket.SHUT_WR)
    assert pair.reader.read(10_000) == b"a" * 10_000
    assert pair.reader.read1(5) == b"a" * 5
    assert pair.reader.read() == b"a" * 9_995
    assert (pair.reader.read(5), pair.reader.read1(5)) == (b"", b"")


def test_a_peer_that_stops_in_the_middle_is_a_timeout(pair: Pair) -> None:
    pair.reader.stall = 0.05
    pair.client.sendall(b"GET /")
    for read in (pair.reader.readline, pair.reader.read):
        with pytest.raises(TimeoutError, match="timed out"):
            read(100)


def test_the_next_request_is_waited_for_briefly_and_until_it_is_whole(pair: Pair) -> None:
    assert not pair.reader.arrive()
    for part in (b"GET / HTTP/1.1\r\n", b"Host: x\r\n\r"):
        pair.client.sendall(part)
        assert not pair.reader.arrive()
    pair.client.sendall(b"\nGET")
    assert pair.reader.arrive()
    assert pair.reader.read(27) == b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert not pair.reader.arrive()
    pair.client.close()
    assert pair.reader.arrive()  # the end comes, too
    assert pair.reader.readline(10) == b"GET"


@pytest.mark.parametrize(("length", "whole"), [(b"3", False), (b"2", True), (b"4", True), (b"x", True)])
def test_a_body_belongs_to_its_request_unless_it_is_longer_than_the_limit(
    pair: Pair, length: bytes, whole: bool
) -> None:
    reader = SocketReader(pair.server, PATIENCE, max_body=3)
    pair.client.sendall(b"PUT / HTTP/1.1\r\ncontent-LENGTH: " + length + b"\r\n\r\nab")
    assert reader.arrive() == whole


def test_what_no_more_bytes_make_a_request_is_not_waited_for(pair: Pair) -> None:
    pair.client.sendall(b"GET / HTTP/1.1\n\n")
    assert pair.reader.arrive()
    assert pair.reader.read(16)
    pair.client.sendall(b"GET /" + b"a" * MAX_HEAD_BYTES)
    assert any(pair.reader.arrive() for _ in range(6))


def test_both_pieces_are_sent_whole_to_a_slow_reader(pair: Pair) -> None:
    head, body = b"h" * 3_000, b"b" * 3_000_000
    received = bytearray()

    def receive() -> None:
        while len(received) < len(head) + len(body):
            received.extend(pair.client.recv(1000 if len(received) < 100_000 else 100_000))

    reading = threading.Thread(target=receive)
    reading.start()
    pair.writer.write_both(head, body)
    reading.join(PATIENCE)
    assert bytes(received) == head + body


class Trickling:
    """A socket that takes so many bytes at a time."""

    def __init__(self, most: int) -> None:
        self._most = most
        self.taken = b""

    def send(self, data: bytes | memoryview) -> int:
        self.taken += (part := bytes(data)[: self._most])
        return len(part)

    def sendmsg(self, pieces: Iterable[bytes]) -> int:
        return self.send(b"".join(pieces))


@pytest.mark.parametrize("most", [1, 3, 4, 5, 8, 100])
def test_both_pieces_are_sent_whole_wherever_the_socket_stops(most: int) -> None:
    sock = Trickling(most)
    writer = SocketWriter(cast(socket.socket, sock))
    writer.write_both(b"head", b"body")
    assert sock.taken == b"headbody"
    assert writer.write(b"more") == 4
    assert sock.taken == b"headbodymore"


def test_a_peer_that_takes_nothing_is_a_timeout(pair: Pair) -> None:
    wait_in_kernel(pair.server, NEXT_REQUEST_WAIT, 0.2)
    with pytest.raises(TimeoutError, match="timed out"):
        pair.writer.write(b"x" * 10_000_000)
    with pytest.raises(TimeoutError, match="timed out"):
        pair.writer.write_both(b"head", b"x" * 10_000_000)


def test_a_peer_that_has_gone_is_an_error(pair: Pair) -> None:
    pair.client.close()
    with pytest.raises(ConnectionError):
        pair.writer.write(b"x")
