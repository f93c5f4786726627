"""Loads a server with wrk for a bounded time, and reads the processor time and the memory of servers."""

import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from stack.processes.server import Server

_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


def wrk(
    url: str,
    server: Server,
    *,
    seconds: int = 3,
    connections: int = 8,
    header: str = "",
    database: Server | None = None,
    beside: Sequence[Server] = (),
    script: Path | None = None,
) -> Mapping[str, float]:
    """Load one URL from one thread. Returns requests/s, latency, and microseconds of CPU time a request.

    CPU time is what ``server`` has spent, together with the servers ``beside`` it, and separately what ``database``
    has. ``script``, in Lua, may ask for other URLs. Raises ``RuntimeError`` when any answer
    was an error: a fast error page is no result.
    """
    before = sum(map(cpu_seconds, (server, *beside)))
    database_before = 0.0 if database is None else cpu_seconds(database)
    options = [*(["-H", header] if header else []), *(["-s", str(script)] if script else [])]
    result = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *options, url],
        capture_output=True,
        text=True,
        check=True,
    )
    spent = sum(map(cpu_seconds, (server, *beside))) - before
    requests = re.search(r"(\d+) requests in", result.stdout)
    rate = re.search(r"Requests/sec:\s*([\d.]+)", result.stdout)
    if requests is None or rate is None or "Non-2xx or 3xx" in result.stdout:
        raise RuntimeError(f"wrk on {url}:\n{result.stdout}")
    figures = {
        "requests/s": float(rate[1]),
        "CPU us/request": 1e6 * spent / int(requests[1]),
        "p50, ms": _latency(r"50%", result.stdout),
        "p99, ms": _latency(r"99%", result.stdout),
        "max, ms": _latency(r"Latency\s+\S+\s+\S+", result.stdout),
    }
    if database is not None:
        figures["database's CPU us/request"] = 1e6 * (cpu_seconds(database) - database_before) / int(requests[1])
    return figures


def cpu_seconds(server: Server) -> float:
    """Read the seconds of processor time that a server and its children have taken, to the nanosecond.

    A process's own total comes in steps of 10 ms; the scheduler's count of each thread does not. Threads that have
    ended count no more: this is for servers whose threads stay.
    """
    threads = [thread for each in _processes(server) for thread in Path(f"/proc/{each.pid}/task").iterdir()]
    return sum(int((thread / "schedstat").read_text().split()[0]) for thread in threads) / 1e9


def memory_mb(server: Server) -> float:
    """Read the resident memory of a server's process, or of the largest of its children, in MB."""
    return max(float(each.memory_info().rss) for each in _processes(server)) / 1e6


def _processes(server: Server) -> list[psutil.Process]:
    assert server.process is not None
    parent = psutil.Process(server.process.pid)
    return [parent, *parent.children(recursive=True)]


def _latency(before: str, printed: str) -> float:
    """Find the time behind a text that wrk prints, in milliseconds."""
    found = re.search(rf"{before}\s+([\d.]+)(us|ms|s|m)\b", printed)
    if found is None:
        raise RuntimeError(f"wrk prints no latency:\n{printed}")
    return float(found[1]) * _MILLISECONDS[found[2]]
