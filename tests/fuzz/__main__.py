"""Send malformed requests to a running stack: ``python -m tests.fuzz``, which is ``./dev fuzz``."""

import secrets
import shutil
import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from stack.system import Stack, StackSettings
from tests.fuzz.campaign import Campaign, Fault, Outcome
from tests.fuzz.case import Case, Target, read
from tests.fuzz.report import Reporter, table

#: Seconds until the late rebounds of a purge: none comes while the edge's purges and bans are counted.
_AFTER_THE_RUN = "86400"
_LATE_REBOUNDS = ("PURGER_LATER_REBOUND_DELAY", "PURGER_LAST_REBOUND_DELAY")


@click.command(context_settings={"show_default": True})
@click.option("--requests", default=10_000, type=click.IntRange(min=1), help="Number of connections to each listener.")
@click.option("--seed", type=int, help="Seed that an earlier run printed, to repeat its cases.  [default: random]")
@click.option(
    "--target",
    "targets",
    multiple=True,
    type=click.Choice([str(target) for target in Target]),
    help="Test this listener; may be given again.  [default: all]",
)
@click.option(
    "--replay",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Send the case in this file, and no other.",
)
def main(requests: int, seed: int | None, targets: tuple[str, ...], replay: Path | None) -> None:
    """Send mutated requests and random bytes to edge, origin, purge listener and door, and judge the answers.

    A fault is a 5xx without a cause, a traceback, a restart, memory that grows, a purge or ban that nobody requested,
    or a request smuggled in another. Each is printed with its seed and written to a file. The exit code is 1 for any
    fault.
    """
    try:
        case = read(replay) if replay else None
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    seed = secrets.randbelow(10**6) if seed is None else seed
    console = Console(width=max(Console().width, 100))
    directory = Path(tempfile.mkdtemp(prefix="takedown-fuzz-"))
    with Stack(
        directory / "stack", StackSettings(door_port=0, purger_options=dict.fromkeys(_LATE_REBOUNDS, _AFTER_THE_RUN))
    ) as stack:
        if case:
            outcomes = [_replay(stack, case, console, directory)]
        else:
            console.print(f"seed {seed}, {requests:,} requests to each listener", highlight=False)
            outcomes = [
                _run(stack, target, seed, requests, console, directory) for target in map(Target, targets or Target)
            ]
    console.print(table(outcomes))
    if any(outcome.faults for outcome in outcomes):
        repeat = "" if case else f"to repeat: --seed {seed}; "
        console.print(f"faults; {repeat}logs and cases: {directory}", soft_wrap=True, highlight=False)
        sys.exit(1)
    shutil.rmtree(directory)


def _campaign(stack: Stack, target: Target, seed: int, console: Console, directory: Path) -> Campaign:
    reporter = Reporter(directory)

    def told(fault: Fault) -> None:
        for line in reporter.lines(target, fault):
            console.print(line, markup=False, highlight=False, soft_wrap=True)

    return Campaign(stack, target, seed, told)


def _run(stack: Stack, target: Target, seed: int, requests: int, console: Console, directory: Path) -> Outcome:
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(str(target), total=requests)
        campaign = _campaign(stack, target, seed, console, directory)
        return campaign.run(requests, lambda done: bar.update(task, completed=done))


def _replay(stack: Stack, case: Case, console: Console, directory: Path) -> Outcome:
    campaign = _campaign(stack, case.target, case.seed, console, directory)
    for answer in campaign.replay(case).answers:
        console.print(
            f"{answer.status} {answer.reason!r} {answer.headers} {answer.body[:80]!r}", markup=False, soft_wrap=True
        )
    campaign.outcome.requests = 1
    return campaign.outcome


if __name__ == "__main__":
    main()
