"""Names the machine and the versions that a benchmark ran with, so that its figures can be judged later."""

import os
import platform
import re
import subprocess
from functools import cache
from pathlib import Path

import psutil

from stack.database_program import VARIABLE

#: Seconds for which the load of the machine is watched before a benchmark.
_WATCHED = 1.0

#: Percent of the processors up to which a machine counts as idle.
_IDLE = 10

#: Commands that tell the versions of programs. One that is not installed is left out.
_VERSIONS = {"varnish": ("varnishd", "-V"), "nginx": ("nginx", "-v"), "wrk": ("wrk", "-v")}


def machine() -> dict[str, str | float]:
    """Describe the machine, and how busy it is before a benchmark."""
    cpu = re.search(r"^model name\s*: (.*)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    busy = psutil.cpu_percent(_WATCHED)
    return {
        "processor": cpu[1] if cpu else platform.machine(),
        "cores": os.cpu_count() or 1,
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "kernel": platform.release(),
        "busy_percent": busy,
        "nice": os.nice(0),
        "idle": busy <= _IDLE,
    }


@cache
def versions() -> dict[str, str]:
    """Name the versions of the programs, and the commit of this checkout, before any figures are written into it."""
    database = os.environ.get(VARIABLE) or "mariadbd"
    said = {Path(database).name: _first_line(database, "--version")}
    said |= {name: _first_line(*words) for name, words in _VERSIONS.items()}
    found = {name: re.search(r"\d+(\.\d+)+(-MariaDB)?", text) for name, text in said.items()}
    numbers = {name: match[0] for name, match in found.items() if match}
    commit = _first_line("git", "describe", "--always", "--dirty")
    return {"python": platform.python_version(), **numbers, **({"commit": commit} if commit else {})}


def _first_line(*words: str) -> str:
    try:
        done = subprocess.run(words, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return ""
    return next(iter((done.stdout + done.stderr).splitlines()), "").strip()
