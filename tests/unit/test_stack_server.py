"""End one test run beside another on the same machine: it kills no server of the other."""

import os
import subprocess
import sys

from stack.waiting import PATIENCE


def test_the_end_of_a_run_kills_no_server_of_another() -> None:
    run = [sys.executable, "-c", "import stack.server, sys; sys.stdin.read()"]
    with subprocess.Popen(run, stdin=subprocess.PIPE) as ending:
        # mirakuru's variable of a server whose run has a pid that contains the digits of the first run's pid.
        marked = os.environ | {"mirakuru_uuid": f"1{ending.pid}1:0"}
        with subprocess.Popen(["cat"], stdin=subprocess.PIPE, env=marked) as other:
            ending.communicate(timeout=PATIENCE)
            assert ending.returncode == 0
            assert other.poll() is None
            other.communicate(timeout=PATIENCE)
            assert other.returncode == 0
