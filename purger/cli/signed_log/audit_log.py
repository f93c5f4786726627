"""Runs `purger audit --log`, and prints what it has found."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from purger.exit_codes import ExitCode
from purger.signed_log.audit.audit import audit_log
from purger.signed_log.audit.report import AuditReport, Count
from purger.signed_log.keys import UnusableKeyError, read_key
from purger.text_format import counted
from takedown_base.json_output import print_json
from takedown_base.printable import printable
from takedown_db.connection.command_connection import connected
from takedown_db.connection.lasting_connection import Connection
from takedown_log.signed_note import NoteError, VerifierKey

#: Leaves and rows that were passed over, in words.
_COUNTS = {
    Count.LEAVES_PRUNED: ("leaf", "leaves", "past retention: the content was pruned"),
    Count.LEAVES_ERASED: ("leaf", "leaves", "with values that were erased, on record"),
    Count.BEFORE: ("row", "rows", "from before the log, not compared"),
    Count.WAITING: ("row", "rows", "not in the log yet"),
}


def run_log_audit(
    database_url: str, key: str | None, key_file: Path | None, published: Sequence[Path], *, as_json: bool
) -> ExitCode:
    """Compare the database with the log, print the result, and return the exit code."""
    known = _known_key(key, key_file)
    notes = [file.read_text(encoding="utf-8", errors="replace") for file in published]
    columns = (TextColumn("{task.completed:.0f} leaves"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
    with (
        connected(Connection, database_url) as connection,
        Progress(*columns, console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty()) as bar,
    ):
        task = bar.add_task("audit", total=None)
        report = audit_log(
            connection,
            known,
            notes,
            begin=lambda leaves: bar.update(task, total=leaves),
            progress=lambda leaves: bar.advance(task, leaves / 2),
        )
    if as_json:
        print_json(report)
    else:
        click.echo("\n".join(printable(line) for line in _lines(report)))
    if report.altered:
        return ExitCode.FAILED
    return ExitCode.ATTENTION if report.not_checked else ExitCode.DONE


def _known_key(key: str | None, key_file: Path | None) -> VerifierKey | None:
    try:
        if key is not None:
            return VerifierKey.parse(key)
        return public_half(key_file) if key_file else None
    except NoteError as error:
        raise click.UsageError(f"--key: {error}") from None
    except UnusableKeyError as error:
        raise click.UsageError(str(error)) from None


def public_half(key_file: Path) -> VerifierKey:
    """Return the public half of the key in a file. Raises ``UnusableKeyError``."""
    return read_key(key_file).signer.verifier()


def _lines(report: AuditReport) -> Iterator[str]:
    leaves, signed = counted(report.leaves, "leaf", "leaves"), counted(report.signed_leaves, "leaf", "leaves")
    states = f"{counted(report.checkpoints, 'checkpoint')}, the last one over {signed}"
    yield f"{leaves}, in which {counted(report.compared, 'act or receipt', 'acts and receipts')} have a row; {states}"
    if report.rows_pruned:
        pruned = counted(report.rows_pruned, "leaf", "leaves")
        yield f"{pruned} whose row was pruned past its retention: up to {report.rows_pruned_until}"
    for kind, (one, several, words) in _COUNTS.items():
        if number := report.number(kind):
            yield f"{counted(number, one, several)} {words}"
    for finding in report.findings:
        yield f"ALTERED: {finding.text()}"
    if report.altered > len(report.findings):
        yield f"ALTERED: {report.altered - len(report.findings)} more"
    for sentence in report.not_checked:
        yield f"not checked: {sentence}"
    if not report.altered:
        yield "nothing was altered"
