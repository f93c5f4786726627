"""Explore the model of the protocol: ``python -m tests.model``, which is ``./dev model``."""

import sys
import tempfile
from pathlib import Path

import click
from rich.console import Console

from tests.model.checker import BuildError, Result, explore
from tests.model.report import line, table
from tests.model.variants import VARIANTS


@click.command(context_settings={"show_default": True})
@click.option("--list", "listed", is_flag=True, help="List the variants, and explore none.")
@click.option(
    "--variant",
    "names",
    multiple=True,
    type=click.Choice([variant.name for variant in VARIANTS]),
    help="Explore this variant only; may be given again.",
)
@click.option("--small", is_flag=True, help="With the ban alone, and no lift: seconds instead of minutes.")
@click.option("--trace", is_flag=True, help="Print each counterexample, with what each step changes.")
def main(listed: bool, names: tuple[str, ...], small: bool, trace: bool) -> None:
    """Explore all states of a model of fence, lease and progress, and of the same without each mechanism.

    The exit code is 1 when a property does not hold, or when it holds without a mechanism.
    """
    console = Console(width=max(Console().width, 140))
    chosen = [variant for variant in VARIANTS if not names or variant.name in names]
    if listed:
        for variant in chosen:
            console.print(f"{variant.name}: {variant.text or 'every mechanism'}", highlight=False)
        return
    results: list[Result] = []
    with tempfile.TemporaryDirectory(prefix="takedown-model-") as directory:
        for variant in chosen:
            try:
                result = explore(variant, Path(directory), small=small)
            except BuildError as error:
                raise click.ClickException(str(error)) from error
            results.append(result)
            console.print(line(result), highlight=False)
            if trace and result.broken:
                console.print(result.trace, highlight=False, markup=False)
    console.print(table(results))
    if not all(result.as_expected for result in results):
        sys.exit(1)


if __name__ == "__main__":
    main()
