"""`purger ban`: bans images by code, owner or content, for moderators without a system of their own."""

import sys
from typing import Any, BinaryIO

import click

from purger.cli.ban_list import ban_list
from purger.cli.ban_one import ban_one
from purger.cli.ban_settings import BanSettings
from purger.cli.list_run import dry_run_option, from_option
from purger.cli.options.shared import WaitSeconds, as_json, logged_in_user, moderation_url, utf8_text
from purger.cli.options.subject_arguments import GivenSubject, SubjectCommand, subject_options
from purger.exit_codes import ExitCode
from takedown_db.connection.command_connection import connected
from takedown_db.connection.lasting_connection import Connection

_EXAMPLES = """\b
Examples:
purger ban kX3_vQ --reason 'court order 12/26' --by 'J. Doe' --wait 10
purger ban --owner anna --reason spam
purger ban --same-as kX3_vQ      (these bytes, under whatever code)
purger ban --ahead kX3_vQ        (although no image has this code yet)
purger ban --from list.txt --dry-run"""


@click.command(cls=SubjectCommand, epilog=_EXAMPLES)
@subject_options
@from_option
@click.option(
    "--reason", default="", callback=utf8_text, help="Why; kept with the ban, and shown by `purger receipts`."
)
@click.option(
    "--by",
    "banned_by",
    callback=utf8_text,
    help="Who bans; kept with the ban, as the database knows only its account.  [default: the user who is logged in]",
)
@click.option(
    "--ahead",
    is_flag=True,
    help="Ban also a subject that no image has yet. It is refused otherwise, since most are mistyped.",
)
@click.option("--again", is_flag=True, help="With --from, ban also the subjects that are banned already.")
@dry_run_option
@click.option(
    "--wait",
    type=WaitSeconds(),
    metavar="SECONDS",
    help="Wait until every enabled edge has acknowledged the ban, SECONDS at most, so that the exit code tells. With "
    "--from, wait for all changes that are committed.  [default: return at once]",
)
@as_json
@moderation_url
def ban(given: GivenSubject, source: BinaryIO | None, banned_by: str | None, moderation_url: str, **flags: Any) -> None:
    """Ban the image CODE, all images of an owner or with the same bytes, or a list. Prints the id of the ban.

    The URL of an image is taken for the code in it.

    Exit code 3 says that something needs attention. Either nothing was banned, since no image has the code, the owner
    or the bytes (of a list, these lines were refused). Or the ban stands, and is not delivered: no purger is alive, no
    trigger put it into the outbox, or an edge, which is named, has not acknowledged it within --wait.
    """
    settings = BanSettings(banned_by=banned_by or logged_in_user(), **flags)
    if bool(given) == (source is not None):
        raise click.UsageError(
            "give either one of CODE, --owner, --digest, --file and --same-as, or a list with --from"
        )
    if settings.dry_run and settings.wait is not None:
        raise click.UsageError("--dry-run and --wait exclude each other")
    if settings.again and source is None:
        raise click.UsageError("--again is for --from: a single subject is always banned again")
    if source is not None:
        with connected(Connection, moderation_url) as connection:
            done = ban_list(connection, source, settings)
    else:
        read = given.read()
        with connected(Connection, moderation_url) as connection:
            done = ban_one(connection, given, read, settings)
    if not done:
        sys.exit(ExitCode.ATTENTION)
