"""Load a server with wrk for a bounded time, and measure the CPU time that it spends."""

import re
import subprocess
from collections.abc import Mapping

import psutil


def wrk(url: str, pid: int, *, seconds: int = 3, connections: int = 8, header: str = "") -> Mapping[str, float]:
    """Load one URL from one thread. Returns requests/s, and microseconds of CPU time a request.

    CPU time is that of the process ``pid`` and its children. Raises ``RuntimeError`` when any answer was an error: a
    fast error page is no result.
    """
    processes = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
    before = sum(map(_cpu_seconds, processes))
    headers = ["-H", header] if header else []
    result = subprocess.run(
        ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", *headers, url], capture_output=True, text=True, check=True
    )
    spent = sum(map(_cpu_seconds, processes)) - before
    requests = re.search(r"(\d+) requests in", result.stdout)
    rate = re.search(r"Requests/sec:\s*([\d.]+)", result.stdout)
    if requests is None or rate is None or "Non-2xx or 3xx" in result.stdout:
        raise RuntimeError(f"wrk on {url}:\n{result.stdout}")
    return {"requests/s": float(rate[1]), "CPU us/request": 1e6 * spent / int(requests[1])}


def _cpu_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
