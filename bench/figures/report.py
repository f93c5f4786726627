"""Writes the results of a benchmark as JSON, with the machine and the versions, and reads them again."""

import dataclasses
import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psutil

from bench.figures.results import KINDS, Result
from stack.databases.program import VARIABLE

#: Seconds for which the load of the machine is watched before a benchmark.
_WATCHED = 1.0

#: Percent of the processors up to which a machine counts as idle.
_IDLE = 10

#: Commands that print the versions of programs. One that is not installed is left out.
_VERSIONS = {"varnish": ("varnishd", "-V"), "nginx": ("nginx", "-v"), "wrk": ("wrk", "-v")}


@dataclass(frozen=True)
class BenchReport:
    """One run of a benchmark."""

    benchmark: str
    began: str  # UTC, ISO 8601
    seconds: float
    rounds: int
    machine: Mapping[str, Any]
    versions: Mapping[str, str]
    results: Sequence[Result]

    def result(self, title: str) -> Result | None:
        """Find a result by its title."""
        return next((result for result in self.results if result.title == title), None)

    def write(self, directory: Path) -> None:
        """Write ``NAME.json`` into a directory."""
        text = json.dumps(
            {**vars(self), "results": [{"kind": each.kind, **_rounded(each)} for each in self.results]}, indent=1
        )
        # Numbers of a list on one line: thousands of samples are a line then, and not thousands.
        text = re.sub(r"\[[^][{}\"]*\]", lambda numbers: re.sub(r"\s+", " ", numbers[0]), text)
        (directory / f"{self.benchmark}.json").write_text(text + "\n")

    @classmethod
    def read(cls, file: Path) -> "BenchReport":
        """Read what ``write`` wrote. Raises ``ValueError`` for any other file."""
        try:
            values = json.loads(file.read_text())
            results = [KINDS[each.pop("kind")](**each) for each in values.pop("results")]
            return cls(**values, results=results)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{file} is no report of a benchmark: {error!r}") from error


def _rounded(result: Result) -> dict[str, Any]:
    """Return a result as JSON takes it. Six significant digits are more than was measured."""
    fields: dict[str, Any] = _round(dataclasses.asdict(result))
    return fields


def _round(value: Any) -> Any:
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, Mapping):
        return {key: _round(each) for key, each in value.items()}
    return [_round(each) for each in value] if isinstance(value, list | tuple) else value


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
