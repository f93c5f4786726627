"""``./dev bench [NAME]``: each benchmark is a ratio, measured beside its peer in the same run."""

import importlib
import tempfile
from pathlib import Path

import click

_NAMES = ("edge", "origin", "gone", "bulk", "lag")


@click.command()
@click.argument("names", nargs=-1, type=click.Choice(_NAMES))
@click.option("--rounds", default=5, show_default=True, help="Rounds; in each one all contenders run in turn.")
def main(names: tuple[str, ...], rounds: int) -> None:
    """Run the named benchmarks, or all: medians with their spread, and ratios to the peer named first."""
    for name in names or _NAMES:
        with tempfile.TemporaryDirectory(prefix="bench-") as directory:
            importlib.import_module(f"bench.{name}").run(Path(directory), rounds)


if __name__ == "__main__":
    main()
