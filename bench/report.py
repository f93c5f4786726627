"""Writes the results of a benchmark as JSON, and reads them again."""

import dataclasses
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.results import KINDS, Result


@dataclass(frozen=True)
class Report:
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

    def picture(self, result: Result) -> str:
        """Name the file of a result's picture."""
        return f"{self.benchmark}-{re.sub(r'[^a-z0-9]+', '-', result.title.lower()).strip('-')}.svg"

    def write(self, directory: Path) -> None:
        """Write ``NAME.json`` into a directory."""
        text = json.dumps(
            {**vars(self), "results": [{"kind": each.kind, **_rounded(each)} for each in self.results]}, indent=1
        )
        # Numbers of a list on one line: thousands of samples are a line then, and not thousands.
        text = re.sub(r"\[[^][{}\"]*\]", lambda numbers: re.sub(r"\s+", " ", numbers[0]), text)
        (directory / f"{self.benchmark}.json").write_text(text + "\n")

    @classmethod
    def read(cls, file: Path) -> "Report":
        """Read what ``write`` wrote. Raises ``ValueError`` for a file that is none of these."""
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
