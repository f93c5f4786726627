"""Run benchmarks, each beside a peer in the same run: ``python -m bench``, which is ``./dev bench [NAME..]``."""

import importlib
import tempfile
from pathlib import Path

import click

_NAMES = ("edge", "origin", "takedown", "bulk", "replica", "store")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(_NAMES))
@click.option("--rounds", default=5, show_default=True, help="Number of rounds; in each all contenders run in turn.")
def main(names: tuple[str, ...], rounds: int) -> None:
    """Run the named benchmarks, or all of them, and print medians, spreads and ratios to the peer named first."""
    for name in names or _NAMES:
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            importlib.import_module(f"bench.{name}").run(Path(directory), rounds)


if __name__ == "__main__":
    main()
