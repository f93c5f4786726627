"""Builds a variant of the model with rumur and explores its states."""

import re
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from tests.model.variants import Variant

HERE = Path(__file__).resolve().parent

#: The parts of the model, in this order.
PARTS = ("state.m", "database.m", "edge.m", "purger.m", "faults.m", "time.m", "properties.m")


@dataclass(frozen=True, slots=True)
class Result:
    """The outcome of an exploration."""

    variant: Variant
    states: int
    seconds: float  # without building
    broken: str | None  # the first property that does not hold
    steps: tuple[str, ...]  # of the shortest schedule that breaks it: names of rules
    trace: str  # the same, with what each step changes

    @property
    def as_expected(self) -> bool:
        """True when all properties hold with every mechanism, or one does not hold without one."""
        return bool(self.broken) == bool(self.variant.removed)


class BuildError(Exception):
    """The model is malformed, or the C compiler refuses it; the text is the program's."""


def source(variant: Variant, *, small: bool) -> str:
    """Return the whole model of a variant."""
    constants = variant.constants(small=small).items()
    lines = [f"  {name}: {str(value).lower()};" for name, value in constants]
    return "\n".join(["const", *lines, *((HERE / part).read_text() for part in PARTS)])


def explore(variant: Variant, directory: Path, *, small: bool = False) -> Result:
    """Explore all states of a variant, by one thread, until a property does not hold. Raises ``BuildError``.

    ``small``: with one change of the image, where there are two.
    """
    model, code, program = (directory / name for name in ("model.m", "model.c", "model"))
    model.write_text(source(variant, small=small))
    options = [
        "--threads",
        "1",
        "--deadlock-detection",
        "off",
        "--counterexample-trace",
        "diff",
        "--quiet",
        "--bound",
        str(variant.bound),
    ]
    _build(["rumur", *options, "--output", str(code), str(model)])
    # The better code of -O2 is worth its own time only in long runs.
    _build(["gcc", "-O1" if small else "-O2", "-std=c11", "-o", str(program), str(code), "-lpthread", "-latomic"])
    began = time.monotonic()
    ran = subprocess.run([str(program)], capture_output=True, text=True, check=False)
    return _read(variant, ran.stdout, time.monotonic() - began)


def _build(command: list[str]) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, check=False)
    if ran.returncode:
        raise BuildError(f"{command[0]} failed:\n{ran.stderr or ran.stdout}")


def _read(variant: Variant, output: str, seconds: float) -> Result:
    counted = re.search(r"^\t(\d+) states, \d+ rules fired", output, re.MULTILINE)
    if not counted:
        raise BuildError(f"the model checker ended early:\n{output[-2000:]}")
    states = int(counted[1])
    trace = output.partition("error trace for the error:")[2].partition("End of the error trace")[0].strip()
    broken = re.search(r'^invariant "(.+)" failed|^Assertion failed: [^ ]+ (.+)', trace)
    steps = re.findall(r'^Rule "(.+?)"', trace, re.MULTILINE)
    if bool(trace) != bool(broken):
        raise BuildError(f"the model checker found an error in the model itself:\n{trace[:2000]}")
    return Result(variant, states, seconds, broken and (broken[1] or broken[2]), tuple(steps), trace)
