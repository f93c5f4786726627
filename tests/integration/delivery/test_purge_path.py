"""Purge over TLS, with tokens and their rotation, and change edges under a running purger."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any

import pytest
import requests

from purger.edge.ask import ask_edge
from purger.edge.errors import UntrustedError
from purger.model import Edge as Configured
from stack.databases.database import Database
from stack.edges.edge import Edge
from stack.edges.hitch import Hitch
from stack.processes.ports import free_port
from stack.processes.waiting import wait_until
from stack.purger import Purger
from tests.support.background_loop import BackgroundLoop
from tests.support.certificates import Authority
from tests.support.threaded_server import threaded_server

PATIENT = {"PURGER_CONNECT_TIMEOUT": "5", "PURGER_READ_TIMEOUT": "20"}
ACKNOWLEDGING = b'HTTP/1.1 200 OK\r\nETag: "one"\r\nTakedown-Now: 1700000000.000\r\nContent-Length: 0\r\n\r\n'
_numbers = count(1)


class PurgePath(ExitStack):
    """A database and a purger; each test adds the edges that it needs."""

    def __init__(self, directory: Path) -> None:
        super().__init__()
        self.directory = directory
        self.database = self.enter_context(Database(directory / "database", migrated=True))
        self.purger = self.enter_context(Purger(directory / "purger", self.database, options=PATIENT))
        self.admin = self.database.connect_admin()
        self.callback(self.admin.close)

    def rows(self, text: str, *values: str) -> list[Any]:
        with self.admin.cursor() as cursor:
            cursor.execute(text, values)
            return cursor.fetchall() if cursor.description else []

    def ban(self, code: str | None = None) -> None:
        self.rows("INSERT INTO bans (scope, subject) VALUES ('image', %s)", code or f"code{next(_numbers)}")

    def has_everything(self, edge: str) -> bool:
        (behind,) = self.rows(
            """SELECT (SELECT COUNT(*) FROM invalidations WHERE batch IS NULL) + (
                SELECT COUNT(*) FROM edges JOIN numbering
                WHERE name = %s AND (instance IS NULL OR LEAST(acknowledged, rebounded) < last_batch)
            )""",
            edge,
        )
        return bool(behind[0] == 0)

    def settle(self, edge: str) -> None:
        wait_until(lambda: self.has_everything(edge), f"{edge} has everything, twice")

    def edge(self, *arguments: str) -> None:
        self.purger.run("edge", *arguments).check_returncode()

    def flushes(self, edge: Edge) -> int:
        """Count the flushes of the edge and their rebounds."""
        return edge.varnishlog("-q", "ReqHeader:Takedown-All eq 1").count("Takedown-All: 1")

    def logged(self, text: str) -> None:
        wait_until(lambda: text in self.purger.log_text(), f"{text!r} in the log of the purger")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PurgePath]:
    with PurgePath(tmp_path_factory.mktemp("path")) as path:
        yield path


@pytest.fixture
def edge(path: PurgePath, tmp_path: Path) -> Iterator[Edge]:
    """Add an edge for the test, over plain HTTP, with a token file of its own that holds the same token."""
    name = f"edge{next(_numbers)}"
    with Edge(tmp_path / name, f"127.0.0.1:{free_port()}", name=name, lease=2) as edge:
        purgers = tmp_path / "purgers-token"
        purgers.touch(mode=0o600)
        purgers.write_text(edge.token())
        path.edge("add", name, "--purge-url", edge.purge_url, "--public-url", edge.url, "--token-file", str(purgers))
        edge.wait_trusted()
        path.settle(name)
        yield edge
        path.edge("remove", name)
        path.logged(f"edge {name} is no longer followed")


class Recorder:
    """A server that acknowledges all requests, and records their bytes."""

    def __init__(self) -> None:
        self.received: list[str] = []

    @contextmanager
    def listening(self) -> Iterator[int]:
        """Listen on a port of 127.0.0.1."""
        recorder = self

        class Handler(BaseHTTPRequestHandler):
            def handle(self) -> None:
                self.rfile.readline()  # PROXY's header begins and ends with a line break
                recorder.received.append(self.connection.recv(65536).decode("latin-1"))
                self.wfile.write(ACKNOWLEDGING)

        with threaded_server(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
            yield port


@contextmanager
def origin() -> Iterator[str]:
    """Serve every image, cacheable for a day. Yields HOST:PORT."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("CDN-Cache-Control", "max-age=86400")
            self.send_header("Content-Length", "4")
            self.end_headers()
            self.wfile.write(b"meow")

        def log_message(self, *_: Any) -> None:
            pass

    with threaded_server(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"127.0.0.1:{port}"


def test_purges_go_over_tls_to_the_edge_that_has_the_right_certificate(path: PurgePath, tmp_path: Path) -> None:
    """Present a certificate at both ends; the edge's ACL sees the purger's address behind hitch."""
    ours = Authority(tmp_path, "ours")
    client = ours.sign("purger.example")
    client.key.chmod(0o600)
    with ExitStack() as running:
        edge = running.enter_context(
            Edge(tmp_path / "edge", running.enter_context(origin()), name="tls", lease=5, proxied=["purge"])
        )
        server = ours.sign("127.0.0.1").pem(tmp_path / "server.pem")
        hitch = running.enter_context(Hitch(tmp_path / "hitch", edge.purge_port, server, client_ca=ours.file))
        path.edge(
            *("add", "tls", "--purge-url", hitch.url, "--public-url", edge.url, "--token-file", str(edge.token_file)),
            *("--ca-file", str(ours.file), "--certificate-file", str(client.certificate)),
            *("--key-file", str(client.key)),
        )
        running.callback(path.edge, "remove", "tls")
        path.settle("tls")

        def cached() -> bool:
            return requests.get(f"{edge.url}/images/cat", timeout=60).headers["Cache-Status"].endswith("; hit")

        wait_until(cached, "the edge trusts its cache")
        path.ban("cat")
        wait_until(lambda: not cached(), "the purge takes the image out")
        path.settle("tls")
        ((receipts,),) = path.rows(
            """SELECT COUNT(*) FROM receipts
            JOIN invalidations ON invalidations.batch BETWEEN receipts.first_batch AND receipts.batch
            WHERE edge = 'tls' AND subject = 'cat' AND cause = 'ban'"""
        )
        assert receipts == 1


@pytest.mark.parametrize("shown", ["none", "other"])
def test_an_edge_takes_no_purger_without_the_right_certificate(tmp_path: Path, shown: str) -> None:
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    token = tmp_path / "token"
    token.write_text("sesame")
    client = other.sign("purger.example")
    files = {"certificate_file": str(client.certificate), "key_file": str(client.key)} if shown == "other" else {}
    recorder = Recorder()
    with recorder.listening() as port:
        server = ours.sign("127.0.0.1").pem(tmp_path / "server.pem")
        with Hitch(tmp_path / "hitch", port, server, client_ca=ours.file) as hitch:
            edge = Configured("e", hitch.url, hitch.url, str(token), ca_file=str(ours.file), **files)
            with pytest.raises(UntrustedError):
                ask_edge(edge, connect_timeout=60, read_timeout=60)
    assert not any("Bearer" in text for text in recorder.received)


def test_a_false_listener_gets_no_token_and_no_receipt(path: PurgePath, tmp_path: Path) -> None:
    """Run a listener that acknowledges everything, with a certificate of another authority."""
    ours, other = Authority(tmp_path, "ours"), Authority(tmp_path, "other")
    recorder = Recorder()
    token = tmp_path / "token"
    token.touch(mode=0o600)
    token.write_text("sesame")
    with recorder.listening() as port:
        server = other.sign("127.0.0.1").pem(tmp_path / "server.pem")
        with Hitch(tmp_path / "hitch", port, server) as hitch:
            path.edge(
                *("add", "false", "--unreachable", "--purge-url", hitch.url, "--public-url", hitch.url),
                *("--token-file", str(token), "--ca-file", str(ours.file)),
            )
            path.ban()
            path.logged("edge false is untrusted: ")

            def told() -> bool:
                return bool(path.rows("SELECT 1 FROM edges WHERE name = 'false' AND problem LIKE 'untrusted: %'"))

            wait_until(told, "the table says what is wrong with the edge")
            assert path.rows("SELECT acknowledged, instance FROM edges WHERE name = 'false'") == [(0, None)]
            assert path.rows("SELECT COUNT(*) FROM receipts WHERE edge = 'false'") == [(0,)]
            path.edge("remove", "false")
    assert recorder.received == []


def wait_purges(edge: Edge, count: int) -> None:
    wait_until(lambda: edge.purges() >= count, "purges go on")


@contextmanager
def stream_of_bans(path: PurgePath, edge: Edge) -> Iterator[None]:
    """Ban one image after another, each once the edge has acknowledged the one before."""
    # Not by the count of purges, which rebounds add to: where several bans wait for a slow edge, they go as one.
    acknowledged = """SELECT COUNT(*) FROM edges JOIN invalidations ON invalidations.batch <= edges.acknowledged
        WHERE name = %s AND subject = %s"""
    with path.database.connect_admin() as connection, connection.cursor() as cursor:

        def has(subject: str) -> bool:
            cursor.execute(acknowledged, (edge.edge_name, subject))
            return cursor.fetchall() == [(1,)]

        def ban_next() -> None:
            subject = f"stream{next(_numbers)}"
            cursor.execute("INSERT INTO bans (scope, subject) VALUES ('image', %s)", (subject,))
            wait_until(lambda: has(subject), f"{subject} acknowledged by {edge.edge_name}")

        with BackgroundLoop(ban_next) as stream:
            yield
        assert stream.failed == []


def test_a_token_is_rotated_without_a_refusal_and_without_a_flush(path: PurgePath, edge: Edge, tmp_path: Path) -> None:
    purgers, old = tmp_path / "purgers-token", edge.token()

    def status(token: str) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        return requests.request("HEARTBEAT", edge.purge_url, headers=headers, timeout=60).status_code

    def purged_twenty_times() -> None:
        wait_purges(edge, edge.purges() + 20)

    # That of a new edge, and its rebound. Varnish logs a request only after the answer is sent.
    flushes = wait_until(lambda: found if (found := path.flushes(edge)) >= 2 else None, "the first flush in the log")
    assert flushes == 2
    with stream_of_bans(path, edge):
        edge.token_file.write_text(f"{old}\nnew-token\n")
        edge.reload("both")
        purged_twenty_times()
        purgers.write_text("new-token\n")
        purged_twenty_times()
        edge.token_file.write_text("new-token\n")
        edge.reload("new")
        purged_twenty_times()
    path.settle(edge.edge_name)
    refusals = edge.varnishlog("-q", "RespStatus == 403")
    assert refusals == ""
    assert path.flushes(edge) == flushes
    assert [status(old), status("new-token")] == [403, 200]
    wait_until(lambda: edge.varnishlog("-q", "RespStatus == 403"), "a refusal, as varnishlog shows it")
    assert f"edge {edge.edge_name} is refused" not in path.purger.log_text()


def test_a_change_of_an_edge_is_noticed_and_flushes_nothing(path: PurgePath, edge: Edge, tmp_path: Path) -> None:
    other = tmp_path / "other-token"
    other.touch(mode=0o600)
    other.write_text(edge.token())
    url = f"http://localhost:{edge.purge_port}"
    flushes = path.flushes(edge)
    with stream_of_bans(path, edge):
        path.edge("set", edge.edge_name, "--purge-url", url, "--token-file", str(other))
        path.logged(f"edge {edge.edge_name} has changed: '{url}'")
        wait_purges(edge, edge.purges() + 10)
        path.edge("set", edge.edge_name, "--purge-url", edge.purge_url)
        path.logged(f"edge {edge.edge_name} has changed: '{edge.purge_url}'")
    path.settle(edge.edge_name)
    edge.wait_trusted()
    assert path.flushes(edge) == flushes


def test_a_url_that_is_set_right_ends_the_pause_after_an_error(path: PurgePath, edge: Edge) -> None:
    wrong = f"http://127.0.0.1:{free_port()}"
    refused = path.purger.run("edge", "set", edge.edge_name, "--purge-url", wrong)
    assert (refused.returncode, f"nothing was changed: edge {edge.edge_name} is unreachable" in refused.stderr) == (
        1,
        True,
    )
    path.edge("set", edge.edge_name, "--purge-url", wrong, "--unreachable")
    path.logged(f"edge {edge.edge_name} is unreachable: '{wrong}'")
    path.ban()
    path.edge("set", edge.edge_name, "--purge-url", edge.purge_url)
    path.settle(edge.edge_name)
    assert f"edge {edge.edge_name} is flushed: another" not in path.purger.log_text()


def test_a_url_that_led_to_another_varnishd_for_a_while_is_set_right(
    path: PurgePath, edge: Edge, tmp_path: Path
) -> None:
    with Edge(tmp_path / "other", f"127.0.0.1:{free_port()}", name="other", lease=2) as other:
        other.token_file.write_text(edge.token())
        other.reload("same-token")
        path.edge("set", edge.edge_name, "--purge-url", other.purge_url)
        other.wait_trusted()
        path.edge("set", edge.edge_name, "--purge-url", edge.purge_url)
        edge.wait_trusted()
    assert "in turn" not in path.purger.log_text()


def test_a_disabled_edge_is_left_alone_and_gets_what_it_missed_later(path: PurgePath, edge: Edge) -> None:
    purges, flushes = edge.purges(), path.flushes(edge)
    path.edge("disable", edge.edge_name)
    path.logged(f"edge {edge.edge_name} is no longer followed")
    wait_until(lambda: not edge.trusted(), "a disabled edge stops trusting its cache")
    path.ban("missed")
    wait_until(lambda: path.rows("SELECT 1 FROM invalidations WHERE subject = 'missed' AND batch > 0"), "a number")
    assert not edge.trusted()
    assert edge.purges() == purges
    path.edge("enable", edge.edge_name)
    path.settle(edge.edge_name)
    edge.wait_trusted()
    assert edge.purges() == purges + 2
    assert path.flushes(edge) == flushes


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["enable", "none"], "there is no edge none"),
        (["disable", "none"], "there is no edge none"),
        (["set", "none", "--purge-url", "http://a"], "there is no edge none"),
        (["set", "plain"], "nothing to change"),
        (["set", "plain", "--token-file", ""], "--token-file cannot be empty"),
        (["set", "plain", "--ca-file", "/ca"], "begins with https://"),
        (["set", "plain", "--purge-url", "https://a", "--key-file", "/key"], "--key-file needs --certificate-file"),
        (["set", "plain", "--purge-url", "http://user:s3cret@a"], "has a user or a password"),
        (["set", "plain", "--public-url", "http://user:s3cret@a"], "has a user or a password"),
        (["set", "plain", "--token-file", "/" + 300 * "x"], "longer than 255"),
    ],
)
def test_a_change_that_cannot_be_is_refused(path: PurgePath, arguments: list[str], said: str) -> None:
    closed = f"http://127.0.0.1:{free_port()}"
    added = path.purger.run(
        "edge", "add", "plain", "--unreachable", "--purge-url", closed, "--public-url", closed, "--token-file", "/t"
    )
    try:
        ran = path.purger.run("edge", *arguments)
        assert ran.returncode in {1, 2}
        assert said in ran.stderr
        assert "s3cret" not in ran.stderr
    finally:
        assert added.returncode == 0
        path.edge("remove", "plain")


def test_no_secret_is_in_a_command_line_of_the_stack(path: PurgePath, edge: Edge) -> None:
    secrets = [
        edge.token(),
        *(path.database.url(account).split(":")[2].split("@")[0] for account in ("purger", "origin")),
    ]
    lines = []
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(file.read_bytes())
        except OSError:
            continue  # it has ended since
    assert any(b"varnishd" in line for line in lines)
    assert not any(secret.encode() in line for secret in secrets for line in lines)
    log = path.purger.log_text()
    assert not any(secret in log for secret in secrets)
