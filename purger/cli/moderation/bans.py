"""`purger bans`: lists bans, the newest first."""

import sys
from collections.abc import Iterator
from datetime import datetime

import click

from purger.cli.options.database_url import moderation_url
from purger.cli.options.subject import GivenSubject, SubjectCommand, subject_options
from purger.cli.options.values import Moment, as_json, remark, utf8_text
from purger.moderation.bans import Ban, BanFilter, list_bans
from purger.moderation.questions import hiding_bans
from purger.text_format import wrapped
from takedown_base.json_output import print_json, utc_text
from takedown_base.name_codes import shown_key
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_db.connection.command_connection import connected
from takedown_db.connection.lasting_connection import Connection

_EXAMPLES = """\b
Examples:
purger bans --open --limit 20
purger bans kX3_vQ
purger bans --owner anna --json
purger bans --open --scope digest --by 'J. Doe' --since 2026-11-01"""


@click.command(cls=SubjectCommand, epilog=_EXAMPLES)
@subject_options
@click.option("--open", "only_open", is_flag=True, help="Only bans that are not lifted.")
@click.option("--by", "banned_by", callback=utf8_text, help="Only bans by this person, as `purger ban --by` wrote it.")
@click.option(
    "--scope",
    type=click.Choice([scope.value for scope in Scope]),
    help="Only bans of images, of owners, or by content.",
)
@click.option(
    "--since",
    type=Moment(),
    metavar="TIME",
    help="Only bans of this time (UTC) or later, such as 2026-11-25 or 2026-11-25T16:40:12Z.",
)
@click.option("--until", type=Moment(), metavar="TIME", help="Only bans from before this time (UTC).")
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
def bans(
    given: GivenSubject,
    only_open: bool,
    banned_by: str | None,
    scope: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
    moderation_url: str,
) -> None:
    """List bans, the newest first: all, or those of the image CODE, of an owner or of the same bytes. Times are UTC.

    CODE may be a name or a URL of the site. For it stderr also names the open bans of the image's owner and of its
    bytes, which hide the image too. `purger receipts` shows the state of each ban at each edge.
    """
    if given and scope is not None:
        raise click.UsageError("--scope is for all bans: a subject has its own")
    with connected(Connection, moderation_url) as connection:
        subject = given.find(connection) if given else None
        wanted = BanFilter(
            scope=subject.scope if subject else Scope(scope) if scope else None,
            subject=subject.key if subject else None,
            banned_by=banned_by,
            since=since,
            until=until,
            only_open=only_open,
        )
        # One more than the limit, to know whether there are more.
        found = list_bans(connection, wanted, limit=limit + 1)
        others = hiding_bans(connection, [subject.key]) if subject and subject.scope is Scope.IMAGE else []
    shown = found[:limit]
    if as_json:
        print_json(shown)
    else:
        lines = [line for ban in shown for line in _lines(ban)] or ["no bans"]
        click.echo("\n".join(part for line in lines for part in (wrapped(line) if sys.stdout.isatty() else [line])))
    for other in others:
        remark(f"its {_whose(other.scope)} {printable(other.subject)} is banned: ban {other.id}")
    if len(found) > limit:
        remark(f"there are more: --limit N shows N instead of {limit}")


def _whose(scope: str) -> str:
    return "original with the digest" if scope == Scope.DIGEST else printable(scope)


def _lines(ban: Ban) -> Iterator[str]:
    """Describe a ban in a line, and one or two more for the text that people wrote."""
    state = f"lifted {utc_text(ban.lifted_at)}" if ban.lifted_at else "open"
    subject = f"{printable(ban.scope)} {shown_key(ban.scope, ban.subject)}"
    yield f"ban {ban.id}: {subject}, {utc_text(ban.banned_at)}, {state}"
    by = f"by {ban.banned_by}" if ban.banned_by else ""
    if written := ": ".join(part for part in (by, ban.reason) if part):
        yield f"    {printable(written)}"
    by = f"by {ban.lifted_by}" if ban.lifted_by else ""
    if written := ": ".join(part for part in (by, ban.lift_reason) if part):
        yield f"    lifted {printable(written)}"
