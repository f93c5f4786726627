"""Send requests over raw sockets: the origin accepts well-formed ones, and finds their ends (RFC 9112)."""

import contextlib
import re
import select
import socket
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

import psutil
import pytest
import requests

from stack.processes.waiting import PATIENCE, wait_until
from tests.support.sites.origin_site import OriginSite

HOST = "Host: x\r\n"

#: Seconds for which the origin reads on behind an answer that ends the connection.
LINGERING = 2.0

#: A second request behind each case. The origin must not answer it where the end of the case is in doubt.
HIDDEN = "GET /images/hidden HTTP/1.1\r\nHost: x\r\n\r\n"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginSite]:
    options = {"ORIGIN_WORKERS": "1", "ORIGIN_THREADS": "4", "ORIGIN_HEADER": "Access-Control-Allow-Origin: *"}
    with OriginSite(tmp_path_factory.mktemp("origin-head"), **options) as running:
        yield running


@pytest.fixture(scope="module")
def image(site: OriginSite) -> str:
    return site.new_image()


def exchange(site: OriginSite, *parts: bytes) -> bytes:
    """Send bytes, close the sending side, and read to the end. A reset is an error: it may lose an answer."""
    with socket.create_connection(("127.0.0.1", site.origin.port), timeout=PATIENCE) as client:
        for part in parts:
            client.sendall(part)
        client.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := client.recv(1 << 16):
            received += chunk
        return received


def statuses(received: bytes) -> list[int]:
    """Return the statuses of the answers. All are to HEAD or errors, so that no body can hold a status line."""
    return [int(status) for status in re.findall(rb"HTTP/1\.[01] (\d{3}) ", received)]


def served(site: OriginSite, request_text: str) -> list[int]:
    """Send requests that are looked up. Returns the statuses, once the origin has asked the database in time."""

    def answered() -> list[int] | None:
        found = statuses(exchange(site, request_text.encode("latin-1")))
        return None if 503 in found else found

    return wait_until(answered, "lookups in time")


def head(*fields: str, target: str = "/images/{}", method: str = "HEAD", version: str = "HTTP/1.1") -> str:
    return f"{method} {target} {version}\r\n" + "".join(f"{field}\r\n" for field in fields) + "\r\n"


REFUSED = {
    "no Host": head(),
    "an empty Host twice": head("Host:", "Host:"),
    "two Hosts": head("Host: x", "Host: x"),
    "a Host with a path": head("Host: x/y"),
    "a Host with a space": head("Host: x y"),
    "a Host with user info": head("Host: a@x"),
    "a Host with a port that is none": head("Host: x:y"),
    "two lengths": head("Host: x", "Content-Length: 0", f"Content-Length: {len(HIDDEN)}"),
    "a list of two lengths": head("Host: x", f"Content-Length: 0, {len(HIDDEN)}"),
    "a negative length": head("Host: x", "Content-Length: -1"),
    "a length with a sign": head("Host: x", "Content-Length: +5"),
    "a length with an underscore": head("Host: x", "Content-Length: 1_0"),
    "a length in hex": head("Host: x", "Content-Length: 0x5"),
    "a length with a fraction": head("Host: x", "Content-Length: 5.0"),
    "an empty length": head("Host: x", "Content-Length:"),
    "a length in other digits": head("Host: x", "Content-Length: \u0665"),
    "a length beside chunks": head("Host: x", "Content-Length: 5", "Transfer-Encoding: chunked"),
    "chunks in HTTP/1.0": head("Host: x", "Transfer-Encoding: chunked", version="HTTP/1.0"),
    "a space before the colon": head("Host: x", "Content-Length : 0"),
    "a tab before the colon": head("Host: x", "Content-Length\t: 0"),
    "a folded field": head("Host: x", "A: b", " c: d"),
    "a folded field with a tab": head("Host: x", "A: b", "\tc: d"),
    "a folded first line": head(" Host: x"),
    "a fold after the request line": head(" ", "Host: x"),
    "a field without a name": head("Host: x", ": b"),
    "a field without a colon": head("Host: x", "abc"),
    "a name with a space": head("Host: x", "a b: c"),
    "a name in parentheses": head("Host: x", "(a): c"),
    "a CR in a value": head("Host: x", "A: b\rGET / HTTP/1.1"),
    "a NUL in a value": head("Host: x", "A: b\0"),
    "a control character in a value": head("Host: x", "A: b\x01"),
    "a bare LF after the request line": f"HEAD /images/{{}} HTTP/1.1\n{HOST}\r\n",
    "a bare LF after a field": "HEAD /images/{} HTTP/1.1\r\nHost: x\n\r\n",
    "a bare LF at the end": f"HEAD /images/{{}} HTTP/1.1\r\n{HOST}\n",
    "a bare CR after a field": "HEAD /images/{} HTTP/1.1\r\nHost: x\rA: b\r\n\r\n",
    "two spaces in the request line": f"HEAD  /images/{{}} HTTP/1.1\r\n{HOST}\r\n",
    "a tab in the request line": f"HEAD\t/images/{{}} HTTP/1.1\r\n{HOST}\r\n",
    "a space at the end of the request line": f"HEAD /images/{{}} HTTP/1.1 \r\n{HOST}\r\n",
    "no version": f"HEAD /images/{{}}\r\n{HOST}\r\n",
    "a version in lower case": f"HEAD /images/{{}} http/1.1\r\n{HOST}\r\n",
    "a version of three numbers": f"HEAD /images/{{}} HTTP/1.1.1\r\n{HOST}\r\n",
    "a method that is no token": f"HE(AD /images/{{}} HTTP/1.1\r\n{HOST}\r\n",
    "a NUL in the target": head("Host: x", target="/images/{}\0"),
    "a fragment": head("Host: x", target="/images/{}#a"),
    "a target without a slash": head("Host: x", target="images/{}"),
    "an absolute target without a host": head("Host: x", target="http:///images/{}"),
    "another scheme": head("Host: x", target="ftp://x/images/{}"),
    "random bytes": "\xff\xfe\x00\r\n\r\n",
    "a TLS hello": "\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n",
}
OTHERS = {
    "HTTP/2 without asking": (505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    "HTTP/3": (505, head("Host: x", version="HTTP/3.0")),
    "a coding besides chunked": (501, head("Host: x", "Transfer-Encoding: gzip, chunked")),
    "chunked twice": (501, head("Host: x", "Transfer-Encoding: chunked", "Transfer-Encoding: chunked")),
    "chunked with a prefix": (501, head("Host: x", "Transfer-Encoding: xchunked")),
    "an empty coding": (501, head("Host: x", "Transfer-Encoding:")),
    "a large body": (413, head("Host: x", "Content-Length: 1000000")),
    "a length beyond all numbers": (400, head("Host: x", f"Content-Length: {'9' * 5000}")),
    "a long target": (414, head("Host: x", target="/images/{}" + "a" * 40_000)),
    "a long field": (431, head("Host: x", f"A: {'a' * 40_000}")),
    "a long name": (431, head("Host: x", f"{'a' * 40_000}: a")),
    "fields of more than 36 KB": (431, head("Host: x", *[f"A{n}: {'a' * 990}" for n in range(40)])),
    "many fields": (431, head("Host: x", *[f"A{n}: a" for n in range(200)])),
    "10,000 fields": (431, head("Host: x", *[f"A{n}: a" for n in range(10_000)])),
}


@pytest.mark.parametrize(
    ("status", "request_text"),
    [*((400, text) for text in REFUSED.values()), *OTHERS.values()],
    ids=[*REFUSED, *OTHERS],
)
def test_what_is_in_doubt_is_refused_and_the_connection_ends(
    site: OriginSite, image: str, status: int, request_text: str
) -> None:
    received = exchange(site, (request_text.replace("{}", image) + HIDDEN).encode("latin-1", "replace"))
    assert statuses(received) == [status]
    fields = received.partition(b"\r\n\r\n")[0].lower().split(b"\r\n")
    assert {b"connection: close", b"cache-control: no-store", b"access-control-allow-origin: *"} <= set(fields)
    date = next(field for field in fields if field.startswith(b"date: ")).partition(b" ")[2].decode()
    assert abs(datetime.now(UTC) - parsedate_to_datetime(date)) < timedelta(minutes=10)


FINE = {
    "absolute form": head("Host: x", target="http://other.example/images/{}"),
    "absolute form of https with a port": head("Host: x", target="HTTPS://x:8443/images/{}?a=b"),
    "a Host with an IPv6 address": head("Host: [::1]:80"),
    "an empty Host": head("Host:"),
    "spaces around a value": head("Host: \t x \t"),
    "an empty value": head("Host: x", "A:"),
    "bytes beyond ASCII in a value": head("Host: x", "A: \xe9\xff"),
    "an empty line before": "\r\n" + head("Host: x"),
    "the same length twice": head("Host: x", "Content-Length: 0", "Content-Length: 0"),
    "a body with its length": head("Host: x", "Content-Length: 31") + "GET /images/nobody HTTP/1.1\r\n\r\n",
    "many fields": head("Host: x", *[f"A{n}: a" for n in range(120)]),
    "fields of almost 36 KB": head("Host: x", *[f"A{n}: {'a' * 990}" for n in range(36)]),
    "keep-alive in HTTP/1.0": head("Connection: Keep-Alive", version="HTTP/1.0"),
    "HTTP/1.2": head("Host: x", version="HTTP/1.2"),
}


@pytest.mark.parametrize("request_text", FINE.values(), ids=FINE)
def test_what_is_strange_but_right_is_answered_and_so_is_the_next(
    site: OriginSite, image: str, request_text: str
) -> None:
    assert served(site, request_text.replace("{}", image) + HIDDEN) == [200, 404]


CLOSING = {
    "Connection: close": head("Host: x", "Connection: close"),
    "Connection: Close": head("Host: x", "Connection: Close"),
    "close in a list": head("Host: x", "Connection: TE , CLOSE", "TE: trailers"),
    "close in a second line": head("Host: x", "Connection: keep-alive", "Connection: close"),
    "HTTP/1.0": head(version="HTTP/1.0"),
    "chunks": head("Host: x", "Transfer-Encoding: Chunked") + "0\r\n\r\n",
    "chunks that look like a request": head("Host: x", "Transfer-Encoding: chunked") + f"2b\r\n{HIDDEN}\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("request_text", CLOSING.values(), ids=CLOSING)
def test_these_are_answered_and_the_connection_ends(site: OriginSite, image: str, request_text: str) -> None:
    assert served(site, request_text.replace("{}", image) + HIDDEN) == [200]


def test_only_a_client_that_knows_it_is_told_to_continue(site: OriginSite, image: str) -> None:
    for version, expected in (("HTTP/1.1", [100, 200]), ("HTTP/1.0", [200])):
        request = head("Host: x", "Expect: 100-continue", "Connection: close", version=version)
        assert served(site, request.replace("{}", image)) == expected


@pytest.mark.parametrize("method", ["get", "head", "Get", "PURGE"])
def test_another_method_is_405_also_one_that_differs_in_case(site: OriginSite, image: str, method: str) -> None:
    for path in (image, "nobody"):
        assert served(site, head("Host: x", method=method).replace("{}", path) + HIDDEN) == [405, 404]


def test_an_answer_is_never_lost_in_a_reset(site: OriginSite) -> None:
    """Send for longer than the origin reads, and read the answer only then."""
    field = b"A: " + b"a" * 1000 + b"\r\n"

    def sent_in_time() -> bytes | None:
        start = time.monotonic()
        try:
            return exchange(site, b"GET /images/x HTTP/1.1\r\nHost: x\r\n", *[field * 100] * 30, b"\r\n")
        except ConnectionError:
            if time.monotonic() - start < LINGERING:
                raise
            return None  # a client that is held up for longer than the origin reads on is cut off

    assert statuses(wait_until(sent_in_time, "all sent in time")) == [431]


def test_those_who_do_not_close_hold_no_thread(site: OriginSite) -> None:
    """Leave 200 connections open, which are read for two seconds each: with four threads that would take 100 s."""
    start = time.monotonic()
    endless = [socket.create_connection(("127.0.0.1", site.origin.port), timeout=PATIENCE) for _ in range(200)]
    try:
        for client in endless:
            client.sendall(b"BAD\r\n")
        assert statuses(exchange(site, head("Host: x", target="/").encode())) == [404]
        assert time.monotonic() - start < 50
    finally:
        for client in endless:
            client.close()


def test_slow_requests_hold_no_thread_and_end_in_time(site: OriginSite) -> None:
    """Begin 40 requests that do not come to an end, some of them again and again with one more byte."""
    with site.another_origin("hasty", ORIGIN_WORKERS="1", ORIGIN_THREADS="4", ORIGIN_STALL="3") as hasty:
        address = ("127.0.0.1", hasty.port)
        with contextlib.ExitStack() as closing:
            slow = [closing.enter_context(socket.create_connection(address, timeout=PATIENCE)) for _ in range(40)]
            for number, client in enumerate(slow):
                body = "" if number % 2 else "Content-Length: 60000\r\n\r\n"
                client.sendall(f"GET /images/x HTTP/1.1\r\nHost: x\r\n{body}a".encode())
            begun = time.monotonic()
            ended: set[socket.socket] = set()
            healthy = 0
            while len(ended) < len(slow):
                if time.monotonic() - begun < 2:
                    assert requests.get(f"http://127.0.0.1:{hasty.port}/", timeout=PATIENCE).status_code == 404
                    assert time.monotonic() - begun < 2.9, "answered before the slow ones were closed"
                    healthy += 1
                for client in select.select([each for each in slow if each not in ended], [], [], 0.2)[0]:
                    assert client.recv(100).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
                    ended.add(client)
                for client in slow[:20]:
                    with contextlib.suppress(ConnectionError):
                        client.sendall(b"a")
            assert healthy >= 5
            assert hasty.process is not None
            limit, most = psutil.Process(hasty.process.pid).rlimit(psutil.RLIMIT_NOFILE)
            assert limit == most, "as many connections as the system allows"
            assert time.monotonic() - begun < PATIENCE


def test_no_malformed_request_leaves_a_traceback(site: OriginSite) -> None:
    """Check the log of all tests above, so this test has to come last."""
    log = "\n".join(site.complaints())
    assert "listening on" in log, "it is the log of this origin"
    assert "Traceback" not in log
    assert "ERROR" not in log
