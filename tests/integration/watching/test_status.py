"""Run ``purger status`` as a check: each problem comes first, with exit code 3, and nothing else does."""

import fcntl
import json
import os
import pty
import shutil
import struct
import subprocess
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import pytest

from purger.fleet.presence import present
from purger.fleet.problems import find_problems
from purger.fleet.status import read_state
from stack.databases.database import Database
from stack.edges.edge import Edge
from stack.edges.vcl import SOURCE
from stack.processes.commands import command
from stack.processes.ports import free_port
from stack.processes.waiting import wait_until
from stack.purger import Purger
from stack.system import Stack, StackSettings
from takedown_db.connection.lasting_connection import Connection
from takedown_db.connection.url import parse_url
from tests.support.sites.moderation_desk import run
from tests.support.sites.site_actions import Site
from tests.support.threaded_server import threaded_server


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run a stack of its own, to break it. Only its first edge has a lease that outlasts each outage."""
    settings = StackSettings(edges=2, settings_of_edge={"edge1": {"lease": 600.0}, "edge2": {"lease": 3.0}})
    with Stack(tmp_path_factory.mktemp("status"), settings) as running:
        yield running


@pytest.fixture
def fleet(site: Site) -> Iterator[Site]:
    """Wait until the fleet has settled, before and after the test."""
    wait_ok(site)
    yield site
    wait_ok(site)


def status(site: Site) -> tuple[int, list[str]]:
    """Run ``purger status``. Returns exit code and lines."""
    result = site.stack.purger.run("status")
    assert result.stderr == ""
    return result.returncode, result.stdout.splitlines()


def wait_ok(site: Site) -> list[str]:
    def ok() -> list[str] | None:
        code, lines = status(site)
        return lines if code == 0 else None

    return wait_until(ok, "all is well")


def wait_problem(site: Site, *parts: str, first: bool = True) -> str:
    """Wait until a PROBLEM line, by default the first, has these parts and the exit code is 3. Returns the line."""

    def problem() -> str | None:
        code, lines = status(site)
        found = [line for line in lines if line.startswith("PROBLEM: ")]
        assert (code, bool(found)) in {(3, True), (0, False)}
        assert bool(found) == lines[0].startswith("PROBLEM: ")
        return next((line for line in found[: 1 if first else None] if all(part in line for part in parts)), None)

    return wait_until(problem, f"a problem with {parts}")


def test_all_is_well(fleet: Site) -> None:
    lines = wait_ok(fleet)
    assert lines[0] == "OK: 2 edges trust their caches, nothing waits"
    state = json.loads(fleet.stack.purger.run("status", "--json").stdout)
    assert fleet.stack.purger.process is not None
    (purger,) = [each for each in state["purgers"] if each["alive"]]
    assert (purger["pid"], purger["host"]) == (fleet.stack.purger.process.pid, os.uname().nodename)
    assert f"pid {purger['pid']}" in "\n".join(lines)
    assert purger["version"] in "\n".join(lines)


def test_a_purger_that_was_killed(fleet: Site) -> None:
    purger = fleet.stack.purger
    assert purger.process is not None
    name = f"pid {purger.process.pid} on {os.uname().nodename}"
    purger.kill()
    try:
        wait_problem(fleet, "no purger is alive", name, "ago", "start it again")
        code = fleet.new_owner()
        fleet.ban(code)
        wait_problem(fleet, "1 committed change got no number", first=False)
        wait_problem(fleet, "edge edge2 is in fail-safe mode: last heartbeat", first=False)
    finally:
        purger.start()
    fleet.lift(code)


def test_a_purger_that_is_frozen(fleet: Site) -> None:
    assert fleet.stack.purger.process is not None
    fleet.stack.purger.pause()
    try:
        wait_problem(fleet, "no purger is alive", f"pid {fleet.stack.purger.process.pid} on", "frozen")
    finally:
        fleet.stack.purger.resume()


def test_a_purger_that_was_stopped_leaves_no_presence(fleet: Site) -> None:
    with fleet.admin.cursor() as cursor:
        cursor.execute("DELETE FROM purgers WHERE seen_at < UTC_TIMESTAMP() - INTERVAL 3 SECOND")
    fleet.stack.purger.stop()
    try:
        assert fleet.number("SELECT COUNT(*) FROM purgers") == 0
        wait_problem(fleet, "no purger runs -> start `purger run`")
    finally:
        fleet.stack.purger.start()


def test_a_purger_whose_poll_hangs_is_not_alive(fleet: Site) -> None:
    connection = Connection(fleet.stack.database.url("purger"), timeout=60)
    with fleet.admin.cursor() as cursor:
        # The purger could still write its sign of life: another table is locked.
        cursor.execute("LOCK TABLES invalidations WRITE")
        try:
            wait_until(lambda: not any(purger.alive for purger in present(connection)), "it no longer signs")
        finally:
            cursor.execute("UNLOCK TABLES")
            connection.close()


@pytest.mark.parametrize(
    ("trigger", "said", "trusted"),
    [("bans_inserted", "bans may go unseen", False), ("bans_checked_insert", "purges go on", True)],
)
def test_a_trigger_that_is_missing(fleet: Site, trigger: str, said: str, trusted: bool) -> None:
    with fleet.admin.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {trigger}")
    try:
        wait_problem(fleet, trigger, said, "-> run `purger migrate`")
        if trusted:
            # The lease of 3 s may run out for a moment.
            wait_until(
                lambda: len([line for line in status(fleet)[1] if line.startswith("PROBLEM")]) == 1, "no other problem"
            )
        else:
            wait_problem(fleet, "edge edge2 is in fail-safe mode", first=False)
    finally:
        fleet.stack.purger.run("migrate").check_returncode()


def test_a_trigger_with_another_body(fleet: Site) -> None:
    with fleet.admin.cursor() as cursor:
        cursor.execute("DROP TRIGGER bans_deleted")
        cursor.execute("CREATE TRIGGER bans_deleted AFTER DELETE ON bans FOR EACH ROW SET @nothing = 1")
    try:
        wait_problem(fleet, "bans_deleted", "-> run `purger migrate`")
    finally:
        fleet.stack.purger.run("migrate").check_returncode()


def test_a_migration_that_was_forgotten_ends_trust_and_is_said_once(fleet: Site) -> None:
    purger = fleet.stack.purger
    purger.stop()
    fleet.execute("DELETE FROM schema_versions")
    said = "the verification of heartbeats is stuck: the schema is older than this program, it lacks 0001_schema.sql "
    before = purger.log_text().count(said)
    purger.start()
    try:
        wait_problem(
            fleet, "the schema is older than this program, it lacks 0001_schema.sql ", "-> run `purger migrate`"
        )
        edge2 = fleet.stack.edges[1]
        wait_until(lambda: not edge2.trusted() and purger.log_text().count(said) > before, "its lease runs out")
        for _ in range(3):  # a heartbeat is due each second
            fleet.stack.edge.ask("HEARTBEAT")
            assert status(fleet)[0] == 3
        assert not edge2.trusted()
        assert purger.log_text().count(said) == before + 1
    finally:
        purger.run("migrate").check_returncode()
    edge2.wait_trusted()


def test_a_schema_of_a_later_version(fleet: Site) -> None:
    fleet.execute("INSERT INTO schema_versions (version, name) VALUES (2, '0002_later.sql')")
    try:
        wait_problem(fleet, "a later version has changed the schema: 0002_later.sql", "-> install that version here")
        assert all(edge.trusted() for edge in fleet.stack.edges)
    finally:
        fleet.execute("DELETE FROM schema_versions WHERE version = 2")


def test_a_transaction_that_holds_the_counter(fleet: Site) -> None:
    with fleet.admin.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        cursor.execute("SELECT last_batch FROM numbering FOR UPDATE")
        cursor.fetchall()
        fleet.ban("blocked")
        try:
            wait_problem(fleet, "another transaction holds the row of table numbering", "innodb_trx")
        finally:
            cursor.execute("ROLLBACK")
    fleet.lift("blocked")


def test_a_session_that_holds_the_lock_of_migrations(fleet: Site) -> None:
    with fleet.moderation.cursor() as cursor:
        cursor.execute("DO GET_LOCK('edge_takedown_migrate', 0)")
        connection = fleet.moderation.connection_id
        wait_problem(fleet, f"connection {connection} holds the lock of migrations", f"KILL {connection}")
        cursor.execute("DO RELEASE_LOCK('edge_takedown_migrate')")


def test_an_edge_that_has_not_acknowledged(fleet: Site) -> None:
    fleet.stack.settle()  # the record of a late rebound would put the edge right again
    with fleet.admin.cursor() as cursor:
        # No edge of the stack can be made to answer and never acknowledge: the purger would send it the change again.
        cursor.execute("UPDATE edges SET acknowledged = acknowledged - 1 WHERE name = 'edge1'")
        cursor.execute("UPDATE batches SET numbered_at = numbered_at - INTERVAL 10 SECOND ORDER BY batch DESC LIMIT 1")
    wait_problem(fleet, "edge edge1 has not acknowledged 1 batch, the first for", "log")
    fleet.ban("later")
    wait_ok(fleet)
    fleet.lift("later")


@contextmanager
def refusing(body: bytes) -> Iterator[str]:
    """Answer each request with 403 and one body. Yields the URL."""

    class Handler(BaseHTTPRequestHandler):
        def handle(self) -> None:
            self.connection.recv(65536)
            head = b"HTTP/1.1 403 Forbidden\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % len(body)
            self.wfile.write(head + body)

    with threaded_server(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield f"http://127.0.0.1:{port}"


@contextmanager
def further_edge(site: Site, name: str, purge_url: str) -> Iterator[None]:
    purger, token = site.stack.purger, str(site.stack.edge.token_file)
    ipv6 = f"http://[::1]:{free_port()}"
    urls = ("--purge-url", purge_url, "--public-url", ipv6)
    purger.run("edge", "add", name, "--unreachable", *urls, "--token-file", token).check_returncode()
    try:
        yield
        listed = purger.run("edge", "list")
        assert listed.returncode == 0, listed.stderr
        assert ipv6 in listed.stdout
    finally:
        purger.run("edge", "remove", name).check_returncode()


def test_an_edge_that_gives_no_answer(fleet: Site) -> None:
    with further_edge(fleet, "closed", f"http://127.0.0.1:{free_port()}"):
        wait_problem(fleet, "edge closed: unreachable", "varnishd")


def test_an_edge_that_is_dead_is_named_with_the_time_at_which_its_trust_ended(fleet: Site) -> None:
    dead = fleet.stack.edges[1]  # its lease is 3 s
    code = fleet.new_image()
    wait_ok(fleet)
    alive = datetime.now(UTC)
    dead.stop()
    stopped = datetime.now(UTC)
    try:
        fleet.ban(code)
        line = wait_problem(fleet, "edge edge2: unreachable", "; it stopped trusting its cache at", first=False)
        (edge1, edge2) = json.loads(fleet.stack.purger.run("status", "--json").stdout)["edges"]
        ended = datetime.fromisoformat(edge2["trust_ends_by"])
        # The lease, the fail-safe TTL, and the seconds that the record may be behind.
        assert alive + timedelta(seconds=3) < ended <= stopped + timedelta(seconds=3 + 2 + 3)
        assert edge1["trust_ends_by"] > edge2["trust_ends_by"]
        # Rounded up: a second earlier would be untrue. JSON has cut it to milliseconds.
        said = f"{ended + timedelta(seconds=1, microseconds=999):%H:%M:%S} UTC at the latest"
        assert said in line
        receipts = fleet.stack.purger.run("receipts", code).stdout
        assert said in receipts
    finally:
        dead.start()
    fleet.lift(code)


def test_two_names_of_one_varnishd(fleet: Site) -> None:
    first = fleet.stack.edge
    with further_edge(fleet, "twin", first.purge_url):
        wait_problem(fleet, "edges edge1, twin are one varnishd", "-> give each its own purge URL", first=False)
        assert fleet.stack.purger.run("edge", "list").stdout.count(first.purge_url) == 2
        code = fleet.new_image()
        fleet.ban(code)
        fleet.wait_gone(code)
        said = "Edges edge1, twin are one varnishd: nothing is proven at any other one that these names mean"
        wait_until(lambda: said in fleet.stack.purger.run("receipts", code).stdout, "the receipts name both")
        assert fleet.stack.purger.run("receipts", code).returncode == 3
        said = "its purge URL leads to the same varnishd as that of edge twin"
        waited = run(fleet, "wait", code, "0", code=3)
        assert f"edge edge1: not acknowledged ({said})" in waited.stdout
        fleet.lift(code)


def test_an_edge_whose_acl_lacks_the_purger(fleet: Site, tmp_path: Path) -> None:
    source = shutil.copytree(SOURCE, tmp_path / "vcl")
    default = source / "default.vcl"
    default.write_text(default.read_text().replace('"127.0.0.0"/8;', ""))
    first = fleet.stack.edge
    with Edge(tmp_path / "edge", fleet.stack.origin.address, name="strict", source=source) as strict:
        strict.token_file.write_text(first.token_file.read_text())
        with further_edge(fleet, "strict", strict.purge_url):
            wait_problem(fleet, "edge strict: closed to this address: 403", "-> add the address from which this purger")
        urls = ("--purge-url", strict.purge_url, "--public-url", strict.url, "--token-file", str(first.token_file))
        refused = fleet.stack.purger.run("edge", "add", "strict", *urls)
        assert (refused.returncode, "-> add the address from which" in refused.stderr) == (1, True)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"token-file": "/nowhere/token"}, "/nowhere/token"),
        ({"token-file": __file__}, "token file"),
        ({"purge-url": "edge2"}, "leads to the edge edge2 (varnishd "),
        ({"purge-url": "http://127.0.0.1:1"}, "edge new is unreachable: "),
        (
            {"purge-url": "public"},
            "edge new is refused: 405 Method Not Allowed -> compare the token files",
        ),
    ],
)
def test_an_edge_is_asked_before_it_is_added_or_changed(fleet: Site, given: dict[str, str], said: str) -> None:
    first, second = fleet.stack.edges
    urls = {"edge2": second.purge_url, "public": first.url}
    settings = {"purge-url": first.purge_url, "public-url": first.url, "token-file": str(first.token_file)} | given
    settings["purge-url"] = urls.get(settings["purge-url"], settings["purge-url"])
    if settings["purge-url"] == second.purge_url:
        settings["token-file"] = str(second.token_file)
    options = [part for name, value in settings.items() for part in (f"--{name}", value)]
    for verb, name, done in (("add", "new", "added"), ("set", first.edge_name, "changed")):
        refused = fleet.stack.purger.run("edge", verb, name, *options)
        assert refused.returncode == 1
        assert refused.stderr.startswith(f"Error: nothing was {done}: ")
        assert said.replace("edge new", f"edge {name}") in refused.stderr
    assert fleet.number("SELECT COUNT(*) FROM edges WHERE name = 'new'") == 0
    own = f"purge_url = '{first.purge_url}' AND token_file = '{first.token_file}'"
    assert fleet.number(f"SELECT COUNT(*) FROM edges WHERE name = '{first.edge_name}' AND {own}") == 1


def test_an_edge_whose_answer_is_an_attack_on_the_terminal(fleet: Site) -> None:
    with refusing(b"[/x] [red]\x1b[31mOK\xe2\x80\xae") as url, further_edge(fleet, "hostile", url):
        line = wait_problem(fleet, "edge hostile: refused: 403 [/x] [red]", "token")
        assert line.isprintable()
        recorded = "SELECT COUNT(*) FROM edges WHERE name = 'hostile' AND problem LIKE '%[/x]%'"
        wait_until(lambda: fleet.number(recorded) == 1, "the purger has met with it too")
        assert "\x1b" not in fleet.stack.purger.run("edge", "list").stdout


def test_malformed_changes_of_the_last_day(fleet: Site) -> None:
    with fleet.admin.cursor() as cursor:
        cursor.execute(
            """INSERT INTO unnumberable (id, scope, subject, cause, written_at, found_at)
            VALUES (1, 'image', 'a b', 'ban', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) - INTERVAL 2 HOUR),
                (2, 'image', 'c d', 'ban', UTC_TIMESTAMP(6), UTC_TIMESTAMP(6) - INTERVAL 2 DAY)"""
        )
        wait_problem(fleet, "1 malformed change of the last day", "`unnumberable`")
        cursor.execute("DELETE FROM unnumberable")


def test_images_that_are_not_known_by_all_names_are_counted(fleet: Site) -> None:
    with fleet.admin.cursor() as cursor:
        cursor.execute("INSERT INTO images (code, owner) VALUES ('nameless', 'joe')")
        cursor.execute(
            "INSERT INTO renditions (code, name, content_type, size, width, height, digest)"
            " VALUES ('nameless', 'original', 'image/png', 1, 1, 1, %s)",
            ("0" * 64,),
        )
        (line,) = [line for line in wait_ok(fleet) if "known by all names" in line]
        assert line.startswith("REMARK: 1 image not known by all names")
        assert line.endswith("-> run `origin verify --names`")
        cursor.execute("UPDATE renditions SET named = TRUE WHERE code = 'nameless'")
        assert not any("known by all names" in line for line in wait_ok(fleet))
        cursor.execute("DELETE FROM renditions WHERE code = 'nameless'")
        cursor.execute("DELETE FROM images WHERE code = 'nameless'")


def test_ids_that_are_nearly_used_up(fleet: Site) -> None:
    with fleet.admin.cursor() as cursor:
        cursor.execute("ALTER TABLE bans AUTO_INCREMENT = 18446744073709551600")
        line = wait_problem(fleet, "the ids of table bans are nearly used up")
        # The cure that it names.
        _, _, cure = line.partition("run ")
        cursor.execute(cure.partition(",")[0])


def test_a_database_that_is_read_only(fleet: Site) -> None:
    with fleet.read_only_server():
        wait_problem(fleet, "the database cannot be used", "read-only")


def test_a_database_that_is_away(tmp_path: Path, database: Database) -> None:
    away = database.url("purger").partition("?")[0] + f"?unix_socket={tmp_path}/none"
    purger = Purger(tmp_path / "purger", database, options={"PURGER_DATABASE_URL": away})
    result = purger.run("status")
    assert result.returncode == 3
    assert result.stdout.startswith("PROBLEM: the database cannot be used: ")
    state = json.loads(purger.run("status", "--json").stdout)
    assert (state["ok"], state["database"], len(state["problems"])) == (False, None, 1)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://nobody:x@localhost/{name}?unix_socket={socket}",
        "mysql://nobody:x@no-such-host.invalid/{name}?ssl_mode=DISABLED",
    ],
)
def test_a_url_that_the_database_refuses_is_no_outage(database: Database, url: str) -> None:
    own = parse_url(database.url("purger"))
    connection = Connection(url.format(name=own.name, socket=own.nodes[0].unix_socket), timeout=60)
    (trouble,) = find_problems(read_state(connection))
    assert trouble.what.startswith("this command cannot use the database with this URL: ")
    assert "if the purger cannot use it either" in trouble.do


def test_a_fleet_without_edges(tmp_path: Path, database: Database) -> None:
    purger = Purger(tmp_path / "purger", database)
    connection = Connection(database.url("purger"), timeout=60)

    def problems() -> list[str]:
        return [trouble.what for trouble in find_problems(read_state(connection))]

    assert problems() == ["no purger runs", "there are no edges"]
    closed = f"http://127.0.0.1:{free_port()}"
    urls = ("--purge-url", closed, "--public-url", closed, "--token-file", "/t")
    purger.run("edge", "add", "one", "--unreachable", *urls).check_returncode()
    purger.run("edge", "disable", "one").check_returncode()
    try:
        assert problems() == ["no purger runs", "none of 1 edge is enabled"]
        assert purger.run("status").returncode == 3
    finally:
        purger.run("edge", "remove", "one").check_returncode()
        connection.close()


def test_no_word_is_broken_at_80_columns(fleet: Site) -> None:
    fleet.stack.purger.kill()
    try:
        wait_problem(fleet, "no purger is alive")
        lines = _on_a_terminal(fleet.stack.purger, columns=80)
    finally:
        fleet.stack.purger.start()
    assert lines[0].startswith("\x1b[31m\x1b[1mPROBLEM\x1b[0m: no purger is alive"), "red and bold"
    lines = [click.unstyle(line) for line in lines]
    assert max(map(len, lines)) <= 80
    words = " ".join(lines).split()
    assert {"frozen", "database:", "supervisor", "heartbeat", "edge1"} & set(words) >= {"frozen", "heartbeat", "edge1"}


def _on_a_terminal(purger: Purger, columns: int) -> list[str]:
    """Run status on a terminal of this width. Returns its lines."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment: dict[str, Any] = {name: value for name, value in purger.envvars.items() if name != "COLUMNS"}
    process = subprocess.Popen([command("purger"), "status"], stdout=theirs, env=environment, start_new_session=True)
    os.close(theirs)
    text = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        text += part
    os.close(ours)
    assert process.wait() == 3
    return text.decode().splitlines()
