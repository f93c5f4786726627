"""`purger bans`: which bans there are."""

import sys
from collections.abc import Iterator

import click

from purger import moderation
from purger.cli.options import as_json
from purger.cli.subject import SubjectCommand, code_argument, moderation_url, owner_option, remark, subject
from purger.text_table import wrapped
from takedown_db.command import connected
from takedown_db.connection import Connection
from takedown_db.json_output import print_json, utc_text
from takedown_db.printable import printable

_EXAMPLES = """\b
Examples:
purger bans --open --limit 20
purger bans kX3_vQ
purger bans --owner anna --json"""


@click.command(cls=SubjectCommand, epilog=_EXAMPLES)
@code_argument
@owner_option
@click.option("--open", "only_open", is_flag=True, help="Only those that are not lifted.")
@click.option(
    "--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True, metavar="N", help="How many at most."
)
@as_json
@moderation_url
def bans(code: str | None, owner: str | None, only_open: bool, limit: int, as_json: bool, moderation_url: str) -> None:
    """List bans, the newest first: all, or those of the image CODE or of an owner. Times are UTC.

    A ban of an image's owner hides it too: that is remarked on. `purger receipts` tells how far each has come.
    """
    scope, key = subject(code, owner) if code is not None or owner is not None else (None, None)
    with connected(Connection, moderation_url) as connection:
        found = moderation.bans(connection, scope, key, only_open=only_open, limit=limit + 1)
        others = moderation.owner_bans(connection, str(key)) if scope == "image" else []
    shown = found[:limit]
    if as_json:
        print_json([ban._asdict() for ban in shown])
    else:
        lines = [line for ban in shown for line in _described(ban)] or ["no bans"]
        click.echo("\n".join(part for line in lines for part in (wrapped(line) if sys.stdout.isatty() else [line])))
    for other in others:
        remark(f"its owner {printable(other.owner)} is banned: ban {other.id}")
    if len(found) > limit:
        remark(f"there are more: --limit N shows N instead of {limit}")


def _described(ban: moderation.Ban) -> Iterator[str]:
    """Describe a ban in two lines, the second for what people wrote."""
    state = f"lifted {utc_text(ban.lifted_at)}" if ban.lifted_at else "open"
    yield f"ban {ban.id}: {printable(ban.scope)} {printable(ban.subject)}, {utc_text(ban.banned_at)}, {state}"
    by = f"by {ban.banned_by}" if ban.banned_by else ""
    if written := ": ".join(part for part in (by, ban.reason) if part):
        yield f"    {printable(written)}"
