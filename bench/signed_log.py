"""Measure what the signed log costs: bulks and single bans with it, beside a purger that writes none."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from bench.bulk_bans import BANS, Bulks
from bench.other_purgers import stack_with
from bench.results import Distribution, Result, compare
from bench.takedown import timed_ban
from stack.system import Stack

_SINGLES = 100  # bans a round

#: Most rounds: each has two bulks.
_ROUNDS = 2


def run(directory: Path, rounds: int) -> Iterator[Result]:
    """Compare ms from commit to gone of single bans, and subjects/s of bulks."""
    with ExitStack() as running:
        stacks = {
            "without the log": running.enter_context(stack_with("unlogged", directory / "without")[0]),
            "with the log": running.enter_context(Stack(directory / "with")),
        }
        samples: dict[str, list[float]] = {name: [] for name in stacks}
        for _ in range(min(rounds, _ROUNDS)):
            for name, stack in stacks.items():
                bans = [timed_ban(stack, 0.01) for _ in range(_SINGLES)]
                samples[name] += [1000 * (ban.gone - ban.committed) for ban in bans]
        yield Distribution("commit to gone, with the signed log", "ms", samples)
        contenders = {name: partial(_bulk, stack) for name, stack in stacks.items()}
        yield compare(
            f"bulk of {BANS:,} images, with the signed log", contenders, rounds=min(rounds, _ROUNDS), warm_up=0
        )


def _bulk(stack: Stack) -> Mapping[str, float]:
    """Ban in bulk. The log is written for minutes after it, beside both contenders of the next rounds."""
    bulks = Bulks(stack.database)
    before = bulks.commit("image")
    begin = time.perf_counter()
    bulks.wait_acknowledged(before)
    seconds = time.perf_counter() - begin
    stack.settle()
    return {"subjects/s": BANS / seconds}
