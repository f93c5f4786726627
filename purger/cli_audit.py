"""`purger audit`: asks every enabled edge for what is banned."""

import sys

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from database.text import printable
from purger.audit import Audit
from purger.audit import audit as run_audit
from purger.cli_options import as_json, database_url, linked, print_json
from purger.probe import Probe

_PART = 3
_SERVED = 4


@click.command()
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Only N codes from anywhere.  [default: all]")
@as_json
@database_url
def audit(sample: int | None, as_json: bool, database_url: str) -> None:
    """Ask every enabled edge, as everyone does, for what is banned; purge again what is still served.

    Exit code 4 says that a banned image was served, 3 that an edge gave no answer, or that there is no edge to ask.
    """
    columns = (SpinnerColumn(), TextColumn("{task.completed} codes"), TimeElapsedColumn())
    probe = Probe()
    with (
        linked(database_url) as link,
        Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar,
    ):
        task = bar.add_task("audit", total=sample)
        found = run_audit(link, probe, sample=sample, progress=lambda: bar.advance(task))
    probe.close()
    if as_json:
        served = [{"edge": one.edge, "code": one.code, "renditions": one.renditions} for one in found.served]
        print_json({
            "codes": found.codes, "edges": found.edges, "looks": found.looks, "served": served,
            "unreachable": found.unreachable, "disabled": found.disabled,
        })  # fmt: skip
    else:
        _print_audit(found)
    sys.exit(_SERVED if found.served else _PART if found.unreachable or not found.edges else 0)


def _print_audit(found: Audit) -> None:
    click.echo(f"{found.codes} banned codes, {found.looks} looks")
    for one in found.served:
        where = f"edge {printable(one.edge)}, image {printable(one.code)}"
        click.echo(f"SERVED: {where} ({printable(', '.join(one.renditions))}); purged again")
    for name, reason in found.unreachable.items():
        click.echo(f"no answer: edge {printable(name)}: {printable(reason)}")
    for name in found.disabled:
        click.echo(f"not asked: edge {printable(name)}: it is disabled")
    if not found.edges:
        click.echo("no edge was asked: see `purger edge list`")
