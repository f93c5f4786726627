"""Exceed the limits of varnishd's parameters, and that of a proxy on connections from one address."""

import ssl
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import takewhile
from pathlib import Path

import pytest

from stack.edges.edge import Edge
from stack.edges.varnish import PARAMETERS_FILE, Varnish, read_parameters
from stack.processes.ports import free_port
from stack.processes.server import Server
from tests.support.certificates import Authority
from tests.support.edges.limited_edge import HEAD, connect, get, limited_edge
from tests.support.pages.markdown_pages import ROOT

#: Values that differ from those of the file: they would show that the file was not read.
DEFAULTS = {"send_timeout": 600, "idle_send_timeout": 60, "http_max_hdr": 64, "http_req_overflow_status": 0}


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Edge]:
    with limited_edge(tmp_path_factory.mktemp("edge")) as edge:
        yield edge


LINES = {
    "40 long lines": [f"A{number}: {'a' * 990}" for number in range(40)],
    "9,000 short lines": ["a:"] * 9000,
}


@pytest.mark.parametrize("lines", LINES.values(), ids=LINES)
@pytest.mark.parametrize("listener", ["public", "purge"])
def test_a_head_that_is_too_large_is_431(edge: Edge, listener: str, lines: list[str]) -> None:
    port = edge.public_port if listener == "public" else edge.purge_port
    with connect(port) as client:
        client.sendall((HEAD.format("GET /images/small") + "\r\n".join(lines) + "\r\n\r\n").encode())
        assert client.recv(12) == b"HTTP/1.1 431"


@pytest.mark.parametrize("code", ["small", "miss{}"], ids=["hit", "miss"])
def test_too_many_lines_are_refused_and_spoil_nothing(edge: Edge, code: str) -> None:
    """Send too many lines: 119 are answered (docs/operate/edge.md), and from 124 on Varnish answers 400.

    In between Varnish may have no room for its own headers.
    """
    for count in (*range(110, 132), 200, 1000):
        path = code.format(count)
        lines = "".join(f"A{number}: a\r\n" for number in range(count - 1))
        with connect(edge.public_port) as client:
            client.sendall((HEAD.format(f"GET /images/{path}") + lines + "\r\n").encode())
            status = client.recv(12)[9:]
        expected = {b"200"} if count <= 119 else {b"400"} if count >= 124 else {b"200", b"400", b"500", b"503"}
        assert status in expected, count
        assert get(edge, path).status_code == 200


def test_varnishd_takes_the_parameters_from_the_file_as_the_page_has_it(tmp_path: Path) -> None:
    source: list[str | Path] = ["-b", "127.0.0.1:1", "-I", PARAMETERS_FILE]
    with Varnish("edge", tmp_path, {"public": free_port()}, source, parameters=DEFAULTS) as varnish:
        running = varnish.parameters()
        for name, value in read_parameters().items():
            number = int(value.removesuffix("k")) * (1024 if value.endswith("k") else 1)
            assert running[name] == number, name


def test_haproxy_limits_the_connections_of_an_address(edge: Edge, tmp_path: Path) -> None:
    """Limit connections with the example of docs/operate/edge.md."""
    authority = Authority(tmp_path, "ours")
    pem = authority.sign("127.0.0.1").pem(tmp_path / "site.pem")
    port = free_port()
    lines = (ROOT / "docs/operate/edge.md").read_text().split("# haproxy.cfg\n", 1)[1].splitlines(keepends=True)
    example = "".join(takewhile(lambda line: line.startswith("    "), lines))
    example = example.replace("bind :443 ssl crt /etc/haproxy/site.pem", f"bind 127.0.0.1:{port} ssl crt {pem}")
    configuration = tmp_path / "haproxy.cfg"
    configuration.write_text(example.replace("127.0.0.1:8443", f"127.0.0.1:{edge.tls_port}"))
    context = ssl.create_default_context(cafile=str(authority.file))
    with Server("haproxy", tmp_path, ["haproxy", "-db", "-f", configuration], ports=[port]), ExitStack() as crowd:
        # A few more get in while haproxy has yet to count others.
        held = next(
            number for number in range(200) if not is_let_in(crowd, port, "127.0.0.2", 0.0 if number < 90 else 1.0)
        )
        assert held >= 90
        with context.wrap_socket(connect(port, source="127.0.0.3"), server_hostname="127.0.0.1") as client:
            client.sendall((HEAD.format("GET /images/small") + "\r\n").encode())
            assert client.recv(12) == b"HTTP/1.1 200"


def is_let_in(crowd: ExitStack, port: int, source: str, seconds: float) -> bool:
    """Open one more connection, and tell whether it is still open after so many seconds."""
    try:
        client = crowd.enter_context(connect(port, source=source))
        client.settimeout(seconds)
        return bool(client.recv(1))
    except ConnectionResetError:
        return False
    except (TimeoutError, BlockingIOError):
        return True
