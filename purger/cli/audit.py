"""`purger audit`: requests every banned image from every enabled edge, or compares the database with the log."""

import sys
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from purger.cli.options.database_url import database_url
from purger.cli.options.values import as_json
from purger.cli.signed_log.audit_log import run_log_audit
from purger.exit_codes import ExitCode
from purger.probing.audit import AuditResult, run_audit
from purger.probing.probe import Probe
from takedown_base.json_output import print_json
from takedown_base.name_codes import shown_key
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_db.connection.command_connection import connected
from takedown_db.connection.lasting_connection import Connection

#: The number of unproven images that are printed as text.
_LINES = 100


_EXAMPLES = """\b
Examples:
purger audit
purger audit --sample 100 --json
purger audit --log --key images.example/takedowns+1f0b2c3d+AYxJ..."""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="Request only N codes, from a ban drawn at random on: each code takes a request for each rendition at each "
    "edge.  [default: all codes]",
)
@click.option(
    "--log",
    "of_log",
    is_flag=True,
    help="Compare the database with the signed log, and name what was altered, by whatever account. Asks no edge.",
)
@click.option("--key", metavar="PUBLIC", help="With --log: the public half of the log's key, kept elsewhere.")
@click.option(
    "--log-key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="PURGER_LOG_KEY_FILE",
    show_envvar=True,
    help="With --log: take the public half from the key in this file, instead of --key.",
)
@click.option(
    "--checkpoint",
    "published",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    multiple=True,
    metavar="FILE",
    help="With --log: a checkpoint that was published or kept elsewhere. The log must still have that state. May be "
    "repeated.",
)
@as_json
@database_url
def audit(
    sample: int | None,
    of_log: bool,
    key: str | None,
    log_key_file: Path | None,
    published: tuple[Path, ...],
    as_json: bool,
    database_url: str,
) -> None:
    """Request every banned image from every enabled edge, as browsers do. Sends purges again for those still served.

    Exit code 4: a banned image was served. 3: an image was not proven gone, an edge gave no answer, or no edge is
    enabled.

    With --log: exit code 1: something was altered. 3: nothing was altered, and something could not be checked.
    """
    if of_log and sample is not None:
        raise click.UsageError("--log compares the whole log: leave --sample out")
    if not of_log and (key or published):
        raise click.UsageError("--key and --checkpoint are for --log")
    if of_log:
        sys.exit(run_log_audit(database_url, key, log_key_file, published, as_json=as_json))
    columns = (SpinnerColumn(), TextColumn("{task.completed} codes"), TimeElapsedColumn())
    probe = Probe()
    with (
        connected(Connection, database_url) as connection,
        Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar,
    ):
        task = bar.add_task("audit", total=sample)
        found = run_audit(connection, probe, sample=sample, progress=lambda: bar.advance(task))
    probe.close()
    if as_json:
        print_json(found)
    else:
        _print_audit(found)
    missing = found.not_proven or found.unreachable or not found.edges
    sys.exit(ExitCode.SERVED if found.served else ExitCode.ATTENTION if missing else ExitCode.DONE)


def _print_audit(found: AuditResult) -> None:
    doubts = f", {found.not_proven} of them not proven gone" if found.not_proven else ""
    click.echo(f"{found.codes} banned codes, {found.probes} probes{doubts}")
    for one in found.served:
        where = f"edge {printable(one.edge)}, image {shown_key(Scope.IMAGE, one.code)}"
        by = f": {one.said}" if one.said else ""
        click.echo(f"SERVED: {where} ({printable(', '.join(one.renditions))}){by}; purged again")
    for each in found.unproven[:_LINES]:
        again = "; purged again" if each.purged_again else ""
        click.echo(
            f"not proven: edge {printable(each.edge)}, image {shown_key(Scope.IMAGE, each.code)}: {each.said}{again}"
        )
    if found.not_proven > _LINES:
        click.echo(f"not proven: {found.not_proven - _LINES} more; --json names {len(found.unproven)}")
    for name, reason in found.unreachable.items():
        click.echo(f"no answer: edge {printable(name)}: {printable(reason)}")
    for name in found.disabled:
        click.echo(f"not asked: edge {printable(name)}: it is disabled")
    if not found.edges:
        click.echo("no edge was asked: see `purger edge list`")
