"""`purger receipts`: shows the bans on an image, an owner or a digest, and their state at each edge."""

import sys
from contextlib import closing

import click

from purger.cli.options.database_url import database_url
from purger.cli.options.subject import GivenSubject, SubjectCommand, subject_options
from purger.cli.options.values import as_csv, as_json
from purger.moderation.copies import Copy, copy_lines, read_copies, write_csv
from purger.probing.probe import Probe
from purger.probing.subject_images import COUNTED
from purger.receipts.judge import ProbeResults, clocks_contradict, exit_code, judge_ban, why_without_purge
from purger.receipts.model import BanRecord, ReceiptsReport
from purger.receipts.on_demand_probe import IMAGES_ON_DEMAND, OnDemandProber
from purger.receipts.read import read_receipts
from purger.receipts.text import lines
from purger.text_format import wrapped
from takedown_base.json_output import members, print_json
from takedown_db.connection.command_connection import connected
from takedown_db.connection.lasting_connection import Connection

_EXAMPLES = """\b
Examples:
purger receipts abc123
purger receipts --owner alice --json > alice.json
purger receipts abc123 --probe
purger receipts --digest 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
purger receipts --owner alice --probe --limit 100000"""


@click.command(cls=SubjectCommand, epilog=_EXAMPLES)
@subject_options
@click.option(
    "--probe",
    is_flag=True,
    help="Request the banned images from every edge's public listener first, as browsers do, and record the answers: "
    "proves a ban that the running purger has not probed. The purge of an image that is still shown is sent again.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=COUNTED),
    default=IMAGES_ON_DEMAND,
    show_default=True,
    metavar="N",
    help="With --probe and --owner or --digest: request at most N of the images from each edge, drawn at random. Only "
    "all of them prove the ban, and each takes several requests.",
)
@as_csv
@as_json
@database_url
def receipts(given: GivenSubject, probe: bool, limit: int, as_csv: bool, as_json: bool, database_url: str) -> None:
    """Show the bans that concern the image CODE, and how far each has come at each edge.

    These are the bans on the code, those on its original, and those on an owner that were in force while the image was
    the owner's. For each: the persons and accounts that banned and lifted, and for each edge the time of its
    acknowledgement, the number of objects that it removed (where it says so), and the answer of its public listener
    afterwards. Times are UTC. Of a content also its copies, with their owners.

    Exit code 3: the proof is not complete. An edge has not acknowledged a ban in force, is not proven to hide the
    image, or is proven to hide only some of the images of an owner or digest. 4: an edge showed a banned image, and no
    later request found it gone.
    """
    with connected(Connection, database_url) as connection:
        subject = given.find(connection)
        report = read_receipts(connection, *subject)
        probed = _probe(connection, report, limit) if probe else {}
        if probed:
            report = read_receipts(connection, *subject)
        copies = read_copies(connection, subject)
    if as_csv:
        if copies is None:
            raise click.UsageError("--csv is for --digest, --file and --same-as")
        write_csv(copies, sys.stdout)
    elif as_json:
        print_json(receipts_report(report, probed, copies))
    else:
        _print(lines(report, probed) + (["", f"copies: {len(copies):,}", *copy_lines(copies)] if copies else []))
    sys.exit(exit_code(report, probed))


def receipts_report(
    report: ReceiptsReport, probed: ProbeResults, copies: list[Copy] | None = None
) -> dict[str, object]:
    """Return the report that is printed as JSON, judged with the results of probes on demand."""
    return {
        **members(report, "code", "owner", "digest"),
        "owners": report.ownerships,
        "exit_code": exit_code(report, probed),
        "clocks_contradict": clocks_contradict(report),
        "bans": [_ban(report, ban, probed) for ban in report.bans],
        "resends": report.resends,
        "hit": copies and [each._asdict() for each in copies],
    }


def _ban(report: ReceiptsReport, ban: BanRecord, probed: ProbeResults) -> dict[str, object]:
    return {
        **members(ban),
        **members(ban, "hides", "begun", "ended"),
        # The database accounts; ``banned_by`` is moderation's word.
        "account": ban.logged.account if ban.logged else None,
        "ended_by": ban.ending.account if ban.ending else None,
        "without_purge": why_without_purge(report, ban),
        "edges": judge_ban(report, ban, probed),
    }


def _print(written: list[str]) -> None:
    """Print lines, wrapped where they go to a terminal."""
    if sys.stdout.isatty():
        written = [part for line in written for part in wrapped(line) or [""]]
    click.echo("\n".join(written))


def _probe(connection: Connection, report: ReceiptsReport, limit: int) -> ProbeResults:
    with closing(Probe()) as client:
        return OnDemandProber(connection, client, limit).probe_report(report)
