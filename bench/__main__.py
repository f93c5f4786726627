"""Run benchmarks, each beside a peer in the same run: ``python -m bench``, which is ``./dev bench [NAME..]``."""

import importlib
import tempfile
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table

from bench.figures.report import BenchReport, machine, versions
from bench.figures.results import Comparison, Result

#: Seconds that each benchmark takes on two idle cores: whatever the rounds, and for each of them.
_SECONDS = {
    "edge": (23, 18),
    "site": (35, 25),
    "origin": (31, 20),
    "takedown": (24, 13),
    "bulk": (25, 33),
    "many_objects": (900, 0),
    "signed_log": (100, 0),
    "door": (95, 6),
    "fleet": (180, 27),
    "store": (20, 12),
}


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(tuple(_SECONDS)))
@click.option("--rounds", default=3, show_default=True, help="Number of rounds; in each all contenders run in turn.")
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    help="Directory to write figures into: NAME.json, with machine, versions and all values.",
)
def main(names: tuple[str, ...], rounds: int, output: Path | None) -> None:
    """Run the named benchmarks, or all of them, and print medians, spreads and ratios to the peer named first."""
    chosen = names or tuple(_SECONDS)
    estimates = ", ".join(f"{name} {_minutes(rounds, name)}" for name in chosen)
    click.echo(f"about {_minutes(rounds, *chosen)} minutes on two idle cores: {estimates}")
    if failed := [name for name in chosen if not _succeeds(name, rounds, output)]:
        raise click.ClickException(f"these have failed, and wrote no figures: {', '.join(failed)}")


def _minutes(rounds: int, *names: str) -> str:
    return f"{sum(whatever + rounds * each for whatever, each in map(_SECONDS.__getitem__, names)) / 60:.1f}"


def _succeeds(name: str, rounds: int, output: Path | None) -> bool:
    """Run one benchmark. An error is shown and ends only it: the others take half an hour."""
    try:
        _run(name, rounds, output)
    except Exception:
        click.echo(f"{name} has failed: {traceback.format_exc()}", err=True)
        return False
    return True


def _run(name: str, rounds: int, output: Path | None) -> None:
    """Run one benchmark, print its results, and write them into a directory if one is given."""
    console = Console(width=120)
    began, conditions, clock = datetime.now(UTC), machine(), time.monotonic()
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        found: Iterator[Result] = importlib.import_module(f"bench.{name}").run(Path(directory), rounds)
        for result in found:
            results.append(result)
            _print(console, result)
    report = BenchReport(
        benchmark=name,
        began=began.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - clock, 1),
        rounds=rounds,
        machine=conditions,
        versions=versions(),
        results=results,
    )
    busy = (
        "" if conditions["idle"] else f"; the machine was {conditions['busy_percent']:.0f} % busy before: trust ratios"
    )
    console.print(f"{name} took {report.seconds:.0f} s{busy}")
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
        report.write(output)


def _print(console: Console, result: Result) -> None:
    columns, rows = result.table()
    rounds = f" ({result.rounds} rounds)" if isinstance(result, Comparison) else ""
    table = Table(*columns, title=f"{result.title}{rounds}")
    for row in rows:
        table.add_row(*row)
    console.print(table)


if __name__ == "__main__":
    main()
