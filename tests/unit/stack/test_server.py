"""Stop servers: those that wait for others, those that fail, and none of another test run on the machine."""

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from stack.processes.server import ManagedServer, ServerFailedError
from stack.processes.waiting import PATIENCE, wait_until


def test_the_end_of_a_run_kills_no_server_of_another() -> None:
    run = [sys.executable, "-c", "import stack.processes.server, sys; sys.stdin.read()"]
    with subprocess.Popen(run, stdin=subprocess.PIPE) as ending:
        # mirakuru's variable of a server whose run has a pid that contains the digits of the first run's pid.
        marked = os.environ | {"mirakuru_uuid": f"1{ending.pid}1:0"}
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, env=marked) as other:
            ending.communicate(timeout=PATIENCE)
            assert ending.returncode == 0
            assert other.poll() is None
            other.communicate(timeout=PATIENCE)
            assert other.returncode == 0


def test_a_server_that_waits_for_idle_connections_is_killed_and_its_end_is_no_failure(tmp_path: Path) -> None:
    # So does Vinyl Cache 9: its child would be killed after a minute, and its exit code say that it failed.
    ending = "while :; do echo shutdown waiting for 1 reference on boot; sleep 0.1; done"
    server = ManagedServer("edge", tmp_path, ["bash", "-c", f"trap '{ending}' TERM; echo up; sleep 600 & wait"])
    server.start()
    process = psutil.Process(server.process.pid) if server.process else None
    assert process
    wait_until(lambda: "up\n" in server.log_text(), "the server")
    server.stop()
    assert not process.is_running()


def test_a_server_that_fails_while_it_stops_is_told(tmp_path: Path) -> None:
    server = ManagedServer(
        "edge", tmp_path, ["bash", "-c", "trap 'echo panic; exit 3' TERM; echo up; sleep 600 & wait"]
    )
    server.start()
    wait_until(lambda: "up\n" in server.log_text(), "the server")
    with pytest.raises(ServerFailedError, match="panic"):
        server.stop()
