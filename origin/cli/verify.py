"""`origin verify`: reads files back from the stores, compares them with the database, and names those without names."""

import sys
from contextlib import suppress

import click

from origin.cli.options import database_url, in_place, own_store
from origin.importing.decoder_process import Decoders
from origin.importing.naming import Namer
from origin.importing.rules import ImportRules
from origin.settings import default_workers
from origin.stores.backends import UnusableStoreError, require_usable
from origin.stores.contract import StoreAwayError
from origin.stores.location import Location
from origin.stores.store import open_store
from origin.stores.verification import LARGEST_SAMPLE, Damage, VerificationReport, VerificationRun
from takedown_base.json_output import print_json
from takedown_base.printable import printable
from takedown_db.connection.command_connection import connected
from takedown_db.connection.connect import connect

#: The exit code when some files are damaged.
_DAMAGED = 3

#: Seconds for a statement: counting and drawing a sample scan the table once.
_TIMEOUT = 600

_EXAMPLES = """\b
Examples:
origin verify --sample 1000
origin verify --json --in-place file:/srv/pictures
origin verify --names"""


@click.command("verify", epilog=_EXAMPLES)
@click.option(
    "--sample",
    type=click.IntRange(1, LARGEST_SAMPLE),
    help="Read this many renditions, chosen at random, and not all.",
)
@click.option(
    "--names",
    is_flag=True,
    help="Read only the originals that are not known by all names of their content, and record their SHA-1, MD5 and "
    "SHA-256 without metadata. `purger status` counts them.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
@database_url("takedown_origin", remark=", which only reads renditions, and records names")
@own_store
@in_place
def verify_command(
    sample: int | None, names: bool, as_json: bool, database_url: str, store: Location, in_place: Location | None
) -> None:
    """Read files back from the stores and compare their SHA-256 with the database.

    Lists each file that is missing, of another size, changed or unreadable; the exit code is 3 then. Files that
    `origin erase` destroyed are counted separately. Each file is read whole: for a busy store choose the night, or
    --sample.
    """
    if names and sample is not None:
        raise click.UsageError("--names and --sample exclude each other")
    rules = ImportRules(jobs=default_workers())
    try:
        require_usable(store, in_place)
        with (
            connected(lambda url, timeout: connect(url, timeout=max(timeout, _TIMEOUT)), database_url) as connection,
            connection.cursor() as cursor,
            Decoders(rules, rules.jobs) as decoders,
        ):
            name = Namer(decoders, rules).name if names else None
            report = _run(VerificationRun(cursor, open_store(store, in_place), name), sample, as_json)
    except (StoreAwayError, UnusableStoreError) as error:
        raise click.ClickException(str(error)) from None
    if as_json:
        with suppress(BrokenPipeError):
            print_json(report)
    else:
        _print_counts(report, "named" if names else "as recorded")
    sys.exit(_DAMAGED if report.damaged else 0)


def _run(verification: VerificationRun, sample: int | None, as_json: bool) -> VerificationReport:
    """Verify under a progress bar. Without ``as_json``, damaged files are listed as they are found."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    def tell(damage: Damage) -> None:
        if not as_json:
            name = printable(f"{damage.code}/{damage.rendition}")
            click.echo(f"{damage.problem} {name}: {printable(damage.detail)}")

    number = verification.count()
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), disable=not sys.stderr.isatty()) as progress:
        task = progress.add_task("verifying", total=number if sample is None else min(number, sample))
        return verification.run(sample, lambda: progress.advance(task), tell)


def _print_counts(report: VerificationReport, verified: str) -> None:
    parts = [f"{report.verified} {verified} ({report.bytes} bytes)"]
    if report.erased:
        parts.append(f"{report.erased} erased")
    parts += [f"{number} {problem}" for problem, number in sorted(report.damaged.items())]
    click.echo(", ".join(parts))
