"""`purger ban`: bans an image or an owner, for moderators without a system of their own."""

import sys

import click

from purger import moderation
from purger.acknowledgement_wait import Target
from purger.cli.delivery_remark import remark_undelivered
from purger.cli.options import WaitSeconds, logged_in_user, moderation_url, utf8_text
from purger.cli.remark import remark
from purger.cli.subject_arguments import SubjectCommand, code_argument, owner_option, read_subject
from purger.cli.wait import await_edges
from purger.exit_codes import ExitCode
from takedown_db.command_connection import connected
from takedown_db.errors import DatabaseUnavailableError
from takedown_db.lasting_connection import Connection
from takedown_db.printable import printable
from takedown_db.scope import Scope

_EXAMPLES = """\b
Examples:
purger ban kX3_vQ --reason 'court order 12/26' --by 'J. Doe' --wait 10
purger ban --owner anna --reason spam
purger ban --ahead kX3_vQ    (although no image has this code yet)"""


@click.command(cls=SubjectCommand, epilog=_EXAMPLES)
@code_argument
@owner_option
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
    help="Ban also a code or an owner that no image has yet. It is refused otherwise, since most are mistyped.",
)
@click.option(
    "--wait",
    type=WaitSeconds(),
    metavar="SECONDS",
    help="Wait until every enabled edge has acknowledged the ban, SECONDS at most, so that the exit code tells.  "
    "[default: return at once]",
)
@moderation_url
def ban(
    code: str | None,
    owner: str | None,
    reason: str,
    banned_by: str | None,
    ahead: bool,
    wait: float | None,
    moderation_url: str,
) -> None:
    """Ban the image CODE, or all images of an owner. Prints the id of the ban.

    Exit code 3 says that no image has this code, so that nothing was banned; or that the ban stands, and no purger is
    alive to deliver it, no trigger put it into the outbox, or an edge, which is named, has not acknowledged it within
    --wait.
    """
    scope, subject = read_subject(code, owner)
    with connected(Connection, moderation_url) as connection:
        if not ahead:
            _require_known(connection, scope, subject)
        ban_id = _ban(connection, scope, subject, reason, banned_by or logged_in_user())
        click.echo(f"ban {ban_id}: {scope} {subject}")
        if wait is None:
            done = not remark_undelivered(connection, ban_id)
        else:
            done = _is_acknowledged(connection, ban_id, wait)
    if not done:
        sys.exit(ExitCode.ATTENTION)


def _require_known(connection: Connection, scope: Scope, subject: str) -> None:
    """End the command where no image has this code or owner."""
    try:
        known = moderation.is_known(connection, scope, subject)
    except DatabaseUnavailableError as error:
        raise click.ClickException(f"nothing was banned: {error}") from error
    if known is None:
        # A takedown does not wait for an upgrade of the schema.
        remark("the schema is too old to tell whether there is such an image: run `purger migrate`")
    elif not known:
        kind = "code" if scope is Scope.IMAGE else "owner"
        remark(
            f"nothing was banned: no image has the {kind} {subject}; codes and keys differ in case. "
            "--ahead bans it all the same, for an image that comes later"
        )
        sys.exit(ExitCode.ATTENTION)


def _ban(connection: Connection, scope: Scope, subject: str, reason: str, banned_by: str) -> int:
    try:
        return moderation.ban(connection, scope, subject, reason=reason, banned_by=banned_by)
    except moderation.RefusedBanError as error:
        raise click.UsageError(f"nothing was banned: {printable(error)}") from error
    except moderation.UncertainError as error:
        raise click.ClickException(
            f"the database gave no answer, so the ban may stand or not ({printable(error)}); `purger bans` tells"
        ) from error
    except DatabaseUnavailableError as error:
        raise click.ClickException(f"nothing was banned: {printable(error)}") from error


def _is_acknowledged(connection: Connection, ban_id: int, seconds: float) -> bool:
    """Wait for the edges. A database that goes away meanwhile leaves the ban as it stands."""
    try:
        return await_edges(connection, Target(ban=ban_id), seconds)
    except DatabaseUnavailableError as error:
        remark(f"the ban stands, but whether edges have acknowledged it cannot be told: {printable(error)}")
        return False
