"""Pick free ports for the servers of tests."""

import itertools
import random
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from stack.processes.ports import free_port, is_free

# Draws five ports with the same random numbers in each process, and holds them until its input ends.
_DRAW = """
import random, sys
from stack.processes.ports import free_port
random.seed(1)
print(*[free_port() for _ in range(5)], flush=True)
sys.stdin.read()
"""


@contextmanager
def _drawn() -> Iterator[set[int]]:
    with subprocess.Popen([sys.executable, "-c", _DRAW], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield {int(port) for port in process.stdout.readline().split()}
        process.stdin.close()


def test_processes_side_by_side_draw_different_ports() -> None:
    with _drawn() as first, _drawn() as second:
        assert len(first) == len(second) == 5
        assert not first & second


def test_a_port_is_not_drawn_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    mine = free_port()
    draws = itertools.count(mine)
    monkeypatch.setattr(random, "randrange", lambda *_: next(draws))
    assert free_port() > mine


def test_a_port_that_somebody_listens_on_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        assert not is_free(taken)
        draws = iter([taken, *range(20_000, 32_000)])
        monkeypatch.setattr(random, "randrange", lambda *_: next(draws))
        assert free_port() != taken
