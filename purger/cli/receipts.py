"""`purger receipts`: what became of bans, edge by edge."""

import re
import sys
from contextlib import closing
from dataclasses import asdict
from typing import Any

import click

from purger.cli.options import as_json, database_url
from purger.owner_images import COUNTED
from purger.probe import Probe
from purger.receipts.judge import ProbeResults, absence, exit_code, judge_ban
from purger.receipts.model import Ban, Report
from purger.receipts.probe_now import IMAGES_OF_AN_OWNER, Looker
from purger.receipts.read import read_receipts
from purger.receipts.text import lines
from purger.text_table import wrapped
from takedown_db.codes import hint_for_code
from takedown_db.command import connected
from takedown_db.connection import Connection
from takedown_db.json_output import print_json

_KEY = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ALPHABET = "1 to 64 of A-Z a-z 0-9 _ -"

_EXAMPLES = """\b
Examples:
purger receipts abc123
purger receipts --owner alice --json > alice.json
purger receipts abc123 --look
purger receipts --owner alice --look --limit 100000"""


@click.command(epilog=_EXAMPLES)
@click.argument("code", required=False)
@click.option("--owner", metavar="KEY", help="Bans on this owner instead of one code.")
@click.option(
    "--look",
    is_flag=True,
    help="Request what is banned at every edge first, as browsers do, and record what comes. An image that is still "
    "shown is purged again.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=COUNTED),
    default=IMAGES_OF_AN_OWNER,
    show_default=True,
    metavar="N",
    help="With --owner and --look: request so many of the images at most, drawn by chance.",
)
@as_json
@database_url
def receipts(code: str | None, owner: str | None, look: bool, limit: int, as_json: bool, database_url: str) -> None:
    """Show what became of the bans on the image CODE, and on each owner that it had while they stood, edge by edge.

    Who banned and lifted, by which account of the database; when each edge acknowledged, with how many objects removed
    where it says so; and what came through its public listener afterwards. Times are UTC.

    Exit code 3 says that something of a ban that stands is missing at an edge (not acknowledged, not proven gone, or
    only for some of an owner's images), 4 that a banned image was seen there and not since seen gone.
    """
    _check(code, owner)
    with connected(Connection, database_url) as connection:
        report = read_receipts(connection, code=code, owner=owner)
        probed = _look(connection, report, limit) if look else {}
        if probed:
            report = read_receipts(connection, code=code, owner=owner)
    if as_json:
        print_json(plain(report, probed))
    else:
        _print(lines(report, probed))
    sys.exit(exit_code(report, probed))


def _print(written: list[str]) -> None:
    """Print lines, cut between words where they go to a terminal."""
    if sys.stdout.isatty():
        written = [part for line in written for part in wrapped(line) or [""]]
    click.echo("\n".join(written))


def _check(code: str | None, owner: str | None) -> None:
    if (code is None) == (owner is None):
        raise click.UsageError("give either a code or --owner KEY")
    if code is not None and not _KEY.fullmatch(code):
        raise click.UsageError(f"{code!a} is not a code, which is {_ALPHABET}{hint_for_code(code)}")
    if owner is not None and not _KEY.fullmatch(owner):
        raise click.UsageError(f"{owner!a} is not an owner's key, which is {_ALPHABET}")


def _look(connection: Connection, report: Report, limit: int) -> ProbeResults:
    with closing(Probe()) as probe:
        return Looker(connection, probe, limit).look(report)


def plain(report: Report, probed: ProbeResults) -> dict[str, Any]:
    """Turn a report into what is printed as JSON."""
    return {
        "code": report.code,
        "owner": report.owner,
        "owners": [asdict(each) for each in report.tenures],
        "exit_code": exit_code(report, probed),
        "bans": [_ban(report, ban, probed) for ban in report.bans],
        "resends": [asdict(each) for each in report.resends],
        "record_of_accounts_begins": report.span.log_begins,
    }


def _ban(report: Report, ban: Ban, probed: ProbeResults) -> dict[str, Any]:
    ending = ban.ending
    return asdict(ban) | {
        "hides": ban.hides,
        "begun": ban.begun,
        "ended": ban.ended,
        "account": ban.logged.account if ban.logged else None,
        "ended_by": ending.account if ending else None,
        "without_purge": absence(report, ban),
        "edges": [asdict(each) for each in judge_ban(report, ban, probed)],
    }
