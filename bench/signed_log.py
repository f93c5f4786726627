"""Measure what the signed log costs: bulks and single bans with it, beside a purger that writes none."""

import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.bulk import BANS, ban_at_once, head, wait_acknowledged
from bench.comparison import compare
from bench.cpu import cpu_seconds
from bench.results import Distribution, Result
from bench.takedown import timed_ban
from stack.purger import Purger
from stack.system import Stack
from stack.waiting import wait_until

_SINGLES = 100  # bans a round


def run(directory: Path, rounds: int) -> Iterator[Result]:
    """Compare subjects/s of bulks, the processor time a subject, and ms from commit to gone of single bans."""
    with ExitStack() as running:
        stacks = {
            "without the log": running.enter_context(_unlogged(directory / "without")),
            "with the log": running.enter_context(Stack(directory / "with")),
        }
        samples: dict[str, list[float]] = {name: [] for name in stacks}
        for _ in range(rounds):
            for name, stack in stacks.items():
                bans = [timed_ban(stack, 0.01) for _ in range(_SINGLES)]
                samples[name] += [1000 * (ban.gone - ban.committed) for ban in bans]
        yield Distribution("commit to gone, with the signed log", "ms", samples)
        contenders = {name: partial(_bulk, stack) for name, stack in stacks.items()}
        yield compare(f"bulk of {BANS:,} images, with the signed log", contenders, rounds=min(rounds, 3), warm_up=0)


def _unlogged(directory: Path) -> Stack:
    """Make a stack whose purger appends nothing to the log."""
    stack = Stack(directory)
    program: list[str | Path] = [sys.executable, "-m", "bench.unlogged_purger"]
    options = {"PYTHONPATH": str(Path.cwd())}
    stack.purger = Purger(directory / "purger", stack.database, options=options, program=program)
    return stack


def _bulk(stack: Stack) -> Mapping[str, float]:
    before = head(stack)
    ban_at_once(stack, "image")
    begun, begin = _cpu(stack), time.perf_counter()
    wait_acknowledged(stack, before)
    seconds = time.perf_counter() - begin
    stack.settle()
    _wait_logged(stack)
    return {"subjects/s": BANS / seconds, "CPU us/subject": 1e6 * (_cpu(stack) - begun) / BANS}


def _cpu(stack: Stack) -> float:
    return cpu_seconds(stack.database) + cpu_seconds(stack.purger)


def _wait_logged(stack: Stack) -> None:
    """Wait until the log of a stack that has one is no longer behind: its work belongs to this bulk."""
    behind = (
        "SELECT 1 FROM log_state JOIN numbering WHERE log_state.size > 0 AND log_state.batch < numbering.last_batch"
    )
    with stack.database.connect_admin() as admin, admin.cursor() as cursor:

        def logged() -> bool:
            cursor.execute(behind)
            return not cursor.fetchall()

        wait_until(logged, "the log of the bulk", seconds=180)
