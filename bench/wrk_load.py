"""Load a server with wrk for a bounded time, and measure the CPU time that it spends."""

import re
import subprocess
from collections.abc import Mapping

import psutil

_MILLISECONDS = {"us": 0.001, "ms": 1.0, "s": 1000.0, "m": 60_000.0}


def wrk(
    url: str, pid: int, *, seconds: int = 3, connections: int = 8, header: str = "", database: int | None = None
) -> Mapping[str, float]:
    """Load one URL from one thread. Returns requests/s, latency, and microseconds of CPU time a request.

    CPU time is that of the process ``pid`` and its children, and apart from it that of the process ``database``. Raises
    ``RuntimeError`` when any answer was an error: a fast error page is no result.
    """
    before = cpu_seconds(pid)
    database_before = 0.0 if database is None else cpu_seconds(database)
    headers = ["-H", header] if header else []
    result = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--latency", *headers, url],
        capture_output=True,
        text=True,
        check=True,
    )
    spent = cpu_seconds(pid) - before
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


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of a process and its children so far."""
    process = psutil.Process(pid)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def memory_mb(pid: int) -> float:
    """Return the resident memory of a process, or of the largest of its children, in MB."""
    process = psutil.Process(pid)
    return max(float(each.memory_info().rss) for each in (process, *process.children(recursive=True))) / 1e6


def _latency(before: str, printed: str) -> float:
    """Find the time behind a text that wrk prints, in milliseconds."""
    found = re.search(rf"{before}\s+([\d.]+)(us|ms|s|m)\b", printed)
    if found is None:
        raise RuntimeError(f"wrk prints no latency:\n{printed}")
    return float(found[1]) * _MILLISECONDS[found[2]]
