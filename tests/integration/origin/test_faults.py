"""Stop the origin's database, kill its processes and stop it, while clients read."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from random import Random
from typing import cast

import mysql.connector
import psutil
import pytest
import requests
from PIL import Image

from stack.origin import Origin
from stack.processes.commands import command
from stack.processes.ports import is_free
from stack.processes.waiting import PATIENCE, wait_until
from tests.support.faulty_proxy import Proxies
from tests.support.sites.origin_site import OriginSite, begin_answer, lookup_in_time

#: Longest answer in seconds. The promise is 3; a busy machine gets more. Unbounded, the last request would wait 20 s.
G9_SECONDS = 9

#: The error of KILL for a connection that is not there.
NO_SUCH_THREAD = 1094


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginSite]:
    with OriginSite(tmp_path_factory.mktemp("origin-faults"), ORIGIN_WORKERS="1", ORIGIN_THREADS="4") as running:
        yield running


@pytest.fixture(scope="module")
def image(site: OriginSite) -> str:
    return site.new_image()


@pytest.fixture(scope="module")
def large(site: OriginSite) -> str:
    """Import an image that is larger than the buffers of sockets."""
    directory = site.directory / "large"
    directory.mkdir()
    Image.effect_noise((6000, 4000), 50).save(directory / "large.png", compress_level=0)
    assert site.run_import(directory).returncode == 0
    return "large"


def ask_many(site: OriginSite, image: str, requests_at_once: int) -> list[tuple[requests.Response, float]]:
    """Send so many requests at once. Returns the answers, each with its seconds."""

    def ask(_: int) -> tuple[requests.Response, float]:
        start = time.monotonic()
        return site.request_once(image), time.monotonic() - start

    with ThreadPoolExecutor(requests_at_once) as pool:
        return list(pool.map(ask, range(requests_at_once)))


def all_answered(site: OriginSite, image: str) -> bool:
    """Tell whether each of many requests at once gets the image: of a slow machine's, one may wait for too long."""
    return all(answer.status_code == 200 for answer, _ in ask_many(site, image, 20))


def wait_back(site: OriginSite, image: str) -> None:
    wait_until(lambda: site.request(image).status_code == 200, "the image again")


def assert_unavailable(answer: requests.Response) -> None:
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) > 0
    assert answer.headers["Cache-Control"] == "no-store"
    assert "CDN-Cache-Control" not in answer.headers


def test_a_frozen_database_is_503_in_time_also_for_those_who_queue(site: OriginSite, image: str) -> None:
    assert site.request(image).status_code == 200
    site.database.pause()
    try:
        for answer, seconds in ask_many(site, image, 40):  # ten times the number of threads
            assert_unavailable(answer)
            assert seconds < G9_SECONDS
        assert_unavailable(site.request_once("nobody"))
    finally:
        site.database.resume()
    wait_back(site, image)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_database_that_is_late_with_each_answer_is_200_or_503_in_time(
    site: OriginSite, image: str, workers: str
) -> None:
    """Slow the database down: connecting takes several round trips, and 40 requests queue for 8 threads."""
    late = Random(7)
    with Proxies() as proxies:
        proxy = proxies.to(site.database.socket)
        url = f"{site.database.url('origin').partition('?')[0]}?unix_socket={proxy.socket}"
        options = {"ORIGIN_WORKERS": workers, "ORIGIN_THREADS": "8", "ORIGIN_DATABASE_URL": url}
        with site.another_origin(f"late-{workers}", **options) as origin:
            late_site = OriginSite(site.directory)
            late_site.origin = origin

            def ask_all() -> set[int]:
                answers = ask_many(late_site, image, 40)
                assert all(seconds < G9_SECONDS for _, seconds in answers)
                for answer, _ in answers:
                    if answer.status_code != 200:
                        assert_unavailable(answer)
                return {answer.status_code for answer, _ in answers}

            proxy.down.delay = lambda: late.uniform(0.5, 1.9)
            assert ask_all() == {503}, "no thread has a connection yet"
            # The connections arrive in the end, and then some of the requests can be answered.
            wait_until(lambda: 200 in ask_all(), "an image through a late database", 60)
            proxy.down.mend()
            wait_until(lambda: ask_all() == {200}, "every image again")


def test_a_locked_table_is_503_in_time(site: OriginSite, image: str) -> None:
    other = site.database.connect_admin()
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLES bans WRITE")
    try:
        for answer, seconds in ask_many(site, image, 10):
            assert_unavailable(answer)
            assert seconds < G9_SECONDS
    finally:
        other.close()
    wait_back(site, image)


def test_a_database_that_was_away_is_found_again(site: OriginSite, image: str) -> None:
    assert site.request(image).status_code == 200
    site.admin.close()
    site.database.kill()
    try:
        answer, seconds = ask_many(site, image, 1)[0]
        assert_unavailable(answer)
        assert seconds < G9_SECONDS
    finally:
        site.database.start()
        site.admin = site.database.connect_admin()
    wait_until(lambda: all_answered(site, image), "the image again, by each thread")
    log = site.origin.log_text()
    assert "the database is unavailable" in log
    assert "the database answers again" in log
    assert "Traceback" not in log


def test_connections_that_died_while_they_were_idle_cost_nobody_an_answer(site: OriginSite, image: str) -> None:
    def answered_although_they_died() -> bool:
        wait_until(lambda: all_answered(site, image), "a connection of each thread")
        with site.admin.cursor() as cursor:
            cursor.execute("SELECT ID FROM information_schema.PROCESSLIST WHERE USER = 'takedown_origin'")
            connections = cast(list[tuple[int]], cursor.fetchall())
            assert connections
            for (connection,) in connections:
                try:
                    cursor.execute(f"KILL CONNECTION {connection}")
                except mysql.connector.Error as error:
                    if error.errno != NO_SUCH_THREAD:  # one that was given up may have ended since
                        raise
        return all_answered(site, image)

    # Once more where a new connection was not open in time. Each time all of the old ones have died.
    wait_until(answered_although_they_died, "an answer for everybody after the connections died")


def test_an_origin_starts_without_its_database_and_says_so(site: OriginSite, image: str) -> None:
    url = f"mysql://nobody@localhost/x?unix_socket={site.directory}/none"
    wrong = site.another_origin("no-database", ORIGIN_DATABASE_URL=url)
    with wrong:
        assert_unavailable(requests.get(f"{wrong.url}/images/{image}", timeout=PATIENCE))
        assert "the database is unavailable" in wrong.log_text()


@contextmanager
def half_read(origin: Origin, code: str) -> Iterator[socket.socket]:
    """Connect a client that has read the beginning of a large image, and waits."""
    client, _ = begin_answer(origin, code)
    with client:
        yield client


def read_rest(client: socket.socket) -> int:
    received = 0
    while chunk := client.recv(1 << 20):
        received += len(chunk)
    return received


def end(origin: Origin, number: int) -> "subprocess.Popen[str]":
    process = origin.process
    assert process is not None
    process.send_signal(number)
    return process


@pytest.mark.parametrize("workers", ["1", "3"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_told_to_stop_it_finishes_what_is_being_sent(site: OriginSite, large: str, workers: str, number: int) -> None:
    origin = site.another_origin(f"stop-{workers}-{number}", ORIGIN_WORKERS=workers)
    with origin, half_read(origin, large) as client:
        size = site.file_of(large).stat().st_size
        process = end(origin, number)
        wait_until(lambda: is_free(origin.port), "the port given back")
        assert process.poll() is None
        assert read_rest(client) > size - 1000
        assert process.wait(PATIENCE) == 0
        assert "cut off" not in origin.log_text()


@pytest.mark.parametrize("signals", [1, 2])
def test_what_is_being_sent_is_cut_off_at_the_end_of_its_time_or_at_a_second_signal(
    site: OriginSite, large: str, signals: int
) -> None:
    origin = site.another_origin(f"cut-{signals}", ORIGIN_DRAIN="1" if signals == 1 else "60", ORIGIN_WORKERS="2")
    with origin, half_read(origin, large) as client:
        process = end(origin, signal.SIGTERM)
        if signals == 2:
            wait_until(lambda: is_free(origin.port), "the port given back")
            process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert "1 responses were still being sent and have been cut off" in origin.log_text()
        assert read_rest(client) < site.file_of(large).stat().st_size - 1000


def test_a_process_that_dies_is_replaced(site: OriginSite, image: str) -> None:
    with site.another_origin("replaced", ORIGIN_WORKERS="2") as origin:
        assert origin.process is not None
        wait_until(lambda: "listening on" in origin.log_text(), "all processes")
        parent = psutil.Process(origin.process.pid)
        before = {child.pid for child in parent.children()}
        assert len(before) == 2
        os.kill(min(before), signal.SIGKILL)
        wait_until(lambda: len({child.pid for child in parent.children()} - before) == 1, "a new process")
        wait_until(lambda: requests.get(f"{origin.url}/images/{image}", timeout=PATIENCE).ok, "an answer")
        assert f"process {min(before)} ended with -9" in origin.log_text()


@pytest.mark.parametrize("workers", ["1", "2"])
def test_it_lives_on_when_the_shell_that_started_it_ends_and_says_why_it_stops(
    site: OriginSite, image: str, workers: str
) -> None:
    origin = site.another_origin(f"of-a-shell-{workers}", ORIGIN_WORKERS=workers)
    log = site.directory / f"of-a-shell-{workers}.log"
    script = f"""{command("origin")} serve 2> {log} < /dev/null > /dev/null & echo $!
    until grep -q 'listening on' {log}; do sleep 0.1; done"""
    shell = subprocess.run(["bash", "-c", script], env=origin.envvars, capture_output=True, text=True, check=True)
    process = psutil.Process(int(shell.stdout))
    try:
        with pytest.raises(psutil.TimeoutExpired):  # it looked for its parent once a second
            process.wait(2.5)
        assert requests.get(f"{origin.url}/images/{image}/none", timeout=PATIENCE).status_code in (404, 503)
    finally:
        process.terminate()
    wait_until(lambda: has_ended(process), "it ends")
    assert _line(log, "stopping: SIGTERM came")


def test_processes_end_with_their_parent(site: OriginSite) -> None:
    origin = site.another_origin("orphans", ORIGIN_WORKERS="2").start()
    assert origin.process is not None
    wait_until(lambda: "listening on" in origin.log_text(), "all processes")
    children = psutil.Process(origin.process.pid).children()
    assert len(children) == 2
    os.kill(origin.process.pid, signal.SIGKILL)
    wait_until(lambda: all(map(has_ended, children)), "their end")
    wait_until(lambda: is_free(origin.port), "the port given back")
    origin.kill()


def has_ended(process: psutil.Process) -> bool:
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it ended between the two questions
        return True


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken_is_a_clear_error(site: OriginSite, workers: str) -> None:
    with site.another_origin(f"taken-{workers}", ORIGIN_WORKERS="2") as origin:
        result = subprocess.run(
            [command("origin"), "serve", "--workers", workers],
            env=origin.envvars,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    assert result.returncode == 1
    assert f"cannot listen on {origin.address}: Address already in use" in result.stderr
    assert "Traceback" not in result.stderr


def test_a_free_port_is_chosen_and_named(site: OriginSite, image: str) -> None:
    origin = site.another_origin("any-port", ORIGIN_WORKERS="2")
    log = site.directory / "any-port.log"
    environment = {**origin.envvars, "ORIGIN_LISTEN": "127.0.0.1:0"}
    with log.open("wb") as output, subprocess.Popen([command("origin"), "serve"], env=environment, stderr=output) as it:
        try:
            line = wait_until(lambda: _line(log, "listening on "), "the address")
            url = line.partition("listening on ")[2].strip()
            shown = f"{url}/images/{image}"
            assert wait_until(lambda: lookup_in_time(requests.get(shown, timeout=PATIENCE)), "a lookup in time").ok
        finally:
            it.terminate()
    assert it.returncode == 0


def _line(log: Path, part: str) -> str | None:
    return next((line for line in log.read_text().splitlines() if part in line), None)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--special-image", "/etc/hosts"], "its name must end with one of .svg"),
        (["--store", "file:/nowhere"], "/nowhere is not a directory"),
        (["--store", "/nowhere"], "/nowhere is not a directory"),
        (["--in-place", "/nowhere"], "/nowhere is not a directory: --in-place has to name one"),
        (["--database-url", "postgres://x/y"], "the scheme must be mysql"),
        (["--listen", "host.invalid:80"], "cannot listen on host.invalid:80"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named(site: OriginSite, flags: list[str], message: str) -> None:
    result = subprocess.run(
        [command("origin"), "serve", *flags],
        env=site.origin.envvars,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_those_who_connect_and_say_nothing_keep_no_thread(site: OriginSite, image: str) -> None:
    def answered_beside_them() -> bool:
        silent = [socket.create_connection(("127.0.0.1", site.origin.port)) for _ in range(12)]  # there are 4 threads
        try:
            return site.request_once(image).status_code == 200
        finally:
            for connection in silent:
                connection.close()

    wait_until(answered_beside_them, "an image beside silent clients")
