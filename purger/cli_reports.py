"""`purger receipts` and `purger audit`."""

import sys
from typing import Any

import click
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from database.text import printable
from purger.audit import Audit
from purger.audit import audit as run_audit
from purger.cli_options import as_json, database_url, linked, new_console, new_table, print_json, utc
from purger.probe import Probe
from purger.receipts import milliseconds
from purger.receipts import receipts as read_receipts

_PART = 3
_SERVED = 4


@click.command()
@click.argument("code")
@as_json
@database_url
def receipts(code: str, as_json: bool, database_url: str) -> None:
    """Show what became of the bans on the image CODE and on its owner, edge by edge. Times are UTC.

    `removed` is how many objects the edge says it removed; `seen` what came through its public listener afterwards.
    """
    if not code.isascii():
        raise click.UsageError("a code is 1 to 64 of A-Z a-z 0-9 _ -")
    with linked(database_url) as link:
        found = read_receipts(link, code)
    if as_json:
        print_json(found)
    elif not found["bans"] and not found["events"]:
        click.echo(f"there was never a ban on {code} or its owner")
    else:
        _print_receipts(found)


def _print_receipts(found: dict[str, Any]) -> None:
    console = new_console()
    for ban in found["bans"]:
        lifted = f"lifted {utc(ban['lifted_at'])}" if ban["lifted_at"] else "stands"
        console.print(
            f"ban {ban['id']} on {ban['scope']} {ban['subject']} by {ban['banned_by'] or 'unknown'} "
            f"at {utc(ban['banned_at'])}: {lifted}. {ban['reason']}",
            highlight=False, markup=False,
        )  # fmt: skip
        if not any(event["ban"] == ban["id"] for event in found["events"]):
            console.print("  no receipts: older than their retention")
    for event in found["events"]:
        wait = milliseconds(event["written_at"], event["numbered_at"])
        console.print(
            f"\n{event['cause']} of {event['scope']} {event['subject']}, written {utc(event['written_at'])}, "
            + (f"numbered {event['batch']} after {wait} ms" if event["batch"] else "not yet numbered"),
            highlight=False, markup=False,
        )  # fmt: skip
        table = new_table("edge", "acknowledged", "after ms", "by instance", "with", "removed", "seen")
        for edge in event["edges"]:
            table.add_row(*_receipt_cells(event, edge))
        console.print(table)


def _receipt_cells(event: dict[str, Any], edge: dict[str, Any]) -> list[str]:
    seen = "not looked at"
    if edge["seen_at"]:
        seen = f"{'gone' if edge['gone'] else 'STILL THERE'} ({edge['status']}) at {utc(edge['seen_at'])}"
    return [
        edge["edge"], utc(edge["acknowledged_at"]) or "not yet",
        str(milliseconds(event["written_at"], edge["acknowledged_at"]) or ""), edge["instance"] or "",
        edge["method"] or "", "" if edge["removed"] is None else str(edge["removed"]), seen,
    ]  # fmt: skip


@click.command()
@click.option("--sample", type=click.IntRange(min=1), metavar="N", help="Only N codes from anywhere.  [default: all]")
@as_json
@database_url
def audit(sample: int | None, as_json: bool, database_url: str) -> None:
    """Ask every edge, as everyone does, for what is banned; purge again what is still served.

    Exit code 4 says that a banned image was served, 3 that an edge gave no answer.
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
        print_json({"codes": found.codes, "looks": found.looks, "served": served, "unreachable": found.unreachable})
    else:
        _print_audit(found)
    sys.exit(_SERVED if found.served else _PART if found.unreachable else 0)


def _print_audit(found: Audit) -> None:
    click.echo(f"{found.codes} banned codes, {found.looks} looks")
    for one in found.served:
        where = f"edge {printable(one.edge)}, image {printable(one.code)}"
        click.echo(f"SERVED: {where} ({printable(', '.join(one.renditions))}); purged again")
    for name, reason in found.unreachable.items():
        click.echo(f"no answer: edge {printable(name)}: {printable(reason)}")
