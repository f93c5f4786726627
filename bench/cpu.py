"""Reads the processor time of servers."""

from pathlib import Path

import psutil

from stack.server import Server


def cpu_seconds(server: Server) -> float:
    """Read the seconds of processor time that a server and its children have taken, to the nanosecond.

    A process's own total comes in steps of 10 ms; the scheduler's count of each thread does not. Threads that have
    ended count no more: this is for servers whose threads stay.
    """
    assert server.process is not None
    parent = psutil.Process(server.process.pid)
    pids = [parent.pid, *(child.pid for child in parent.children(recursive=True))]
    threads = [thread for pid in pids for thread in Path(f"/proc/{pid}/task").iterdir()]
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9
