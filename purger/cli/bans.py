"""`purger bans`: lists bans, the newest first."""

import sys
from collections.abc import Iterator

import click

from purger import moderation
from purger.cli.options import as_json, moderation_url
from purger.cli.remark import remark
from purger.cli.subject_arguments import SubjectCommand, code_argument, owner_option, read_subject
from purger.text_format import wrapped
from takedown_db.command_connection import connected
from takedown_db.json_output import print_json, utc_text
from takedown_db.lasting_connection import Connection
from takedown_db.printable import printable
from takedown_db.scope import Scope

_EXAMPLES = """\b
Examples:
purger bans --open --limit 20
purger bans kX3_vQ
purger bans --owner anna --json"""


@click.command(cls=SubjectCommand, epilog=_EXAMPLES)
@code_argument
@owner_option
@click.option("--open", "only_open", is_flag=True, help="Only bans that stand, and none that are lifted.")
@click.option(
    "--limit",
    type=click.IntRange(1, 1_000_000),
    default=50,
    show_default=True,
    metavar="N",
    help="List N bans at most, so that a long history fits a screen; a remark says when there are more.",
)
@as_json
@moderation_url
def bans(code: str | None, owner: str | None, only_open: bool, limit: int, as_json: bool, moderation_url: str) -> None:
    """List bans, the newest first: all, or those of the image CODE or of an owner. Times are UTC.

    Remarks on a ban of the image's owner, which hides the image too. `purger receipts` shows the state of each ban at
    each edge.
    """
    scope, subject = read_subject(code, owner) if code is not None or owner is not None else (None, None)
    with connected(Connection, moderation_url) as connection:
        # One more than the limit tells whether there are more.
        found = moderation.bans(connection, scope, subject, only_open=only_open, limit=limit + 1)
        others = moderation.owner_bans(connection, str(subject)) if scope is Scope.IMAGE else []
    shown = found[:limit]
    if as_json:
        print_json(shown)
    else:
        lines = [line for ban in shown for line in _lines(ban)] or ["no bans"]
        click.echo("\n".join(part for line in lines for part in (wrapped(line) if sys.stdout.isatty() else [line])))
    for other in others:
        remark(f"its owner {printable(other.owner)} is banned: ban {other.id}")
    if len(found) > limit:
        remark(f"there are more: --limit N shows N instead of {limit}")


def _lines(ban: moderation.Ban) -> Iterator[str]:
    """Describe a ban in two lines, the second for the text that people wrote."""
    state = f"lifted {utc_text(ban.lifted_at)}" if ban.lifted_at else "open"
    yield f"ban {ban.id}: {printable(ban.scope)} {printable(ban.subject)}, {utc_text(ban.banned_at)}, {state}"
    by = f"by {ban.banned_by}" if ban.banned_by else ""
    if written := ": ".join(part for part in (by, ban.reason) if part):
        yield f"    {printable(written)}"
