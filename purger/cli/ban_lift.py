"""`purger ban` and `purger lift`: for moderators without a system of their own, and for a court order at night."""

import sys

import click

from purger import moderation
from purger.acknowledgement import Target, hindrance, wait_acknowledged, who_delivers
from purger.cli.subject import (
    ATTENTION,
    Seconds,
    SubjectCommand,
    code_argument,
    moderation_url,
    owner_option,
    remark,
    subject,
    text,
    user,
)
from purger.cli.wait import await_edges
from takedown_db.command import connected
from takedown_db.connection import Connection
from takedown_db.errors import DatabaseUnavailableError
from takedown_db.printable import printable

_BAN_EXAMPLES = """\b
Examples:
purger ban kX3_vQ --reason 'court order 12/26' --by 'J. Doe' --wait 10
purger ban --owner anna --reason spam
purger ban --ahead kX3_vQ    (although no image has this code yet)"""

_LIFT_EXAMPLES = """\b
Examples:
purger lift kX3_vQ
purger lift --owner anna"""


@click.command(cls=SubjectCommand, epilog=_BAN_EXAMPLES)
@code_argument
@owner_option
@click.option("--reason", default="", callback=text, help="Kept with the ban.")
@click.option("--by", "banned_by", callback=text, help="Who bans.  [default: the user who is logged in]")
@click.option("--ahead", is_flag=True, help="Also ban what no image has yet; without it a mistyped code is refused.")
@click.option(
    "--wait",
    type=Seconds(),
    metavar="SECONDS",
    help="Wait until every enabled edge has acknowledged.  [default: return at once]",
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
    """Ban the image CODE, or all images of an owner. Prints the ban's id.

    Exit code 3 says that no image has this code, so that nothing was banned; or that the ban stands and no purger is
    alive to deliver it, or no trigger put it into the outbox, or an edge, which is named, has not acknowledged within
    --wait.
    """
    scope, key = subject(code, owner)
    with connected(Connection, moderation_url) as connection:
        if not ahead:
            _require_known(connection, scope, key)
        ban_id = _ban(connection, scope, key, reason, banned_by or user())
        click.echo(f"ban {ban_id}: {scope} {key}")
        done = _is_delivered(connection, ban_id) if wait is None else _is_acknowledged(connection, ban_id, wait)
    if not done:
        sys.exit(ATTENTION)


@click.command(cls=SubjectCommand, epilog=_LIFT_EXAMPLES)
@code_argument
@owner_option
@moderation_url
def lift(code: str | None, owner: str | None, moderation_url: str) -> None:
    """Lift every open ban of the image CODE, or of an owner.

    Exit code 3 says that the image stays hidden all the same, by a ban of its owner, or that no purger is alive or a
    trigger is missing. Images of an owner that have bans of their own stay hidden too.
    """
    scope, key = subject(code, owner)
    with connected(Connection, moderation_url) as connection:
        count = _lift(connection, scope, key)
        others = _owner_bans(connection, key) if scope == "image" else []
        if not count:
            raise click.ClickException(f"there is no open ban on {scope} {key}{_hidden_by(others)}")
        click.echo(f"lifted {count} {'ban' if count == 1 else 'bans'}: {scope} {key}")
        if others:
            remark(f"the image stays hidden{_hidden_by(others)}")
        delivered = _is_delivered(connection, None)
    if others or not delivered:
        sys.exit(ATTENTION)


def _require_known(connection: Connection, scope: str, key: str) -> None:
    try:
        known = moderation.known(connection, scope, key)
    except DatabaseUnavailableError as error:
        raise click.ClickException(f"nothing was banned: {error}") from error
    if known is None:
        # A takedown does not wait for an upgrade of the schema.
        remark("whether there is such an image cannot be told: run `purger migrate`")
    elif not known:
        what = f"no image has the code {key}" if scope == "image" else f"no image has the owner {key}"
        remark(f"nothing was banned: {what}; codes and keys differ in case. --ahead bans what may come")
        sys.exit(ATTENTION)


def _ban(connection: Connection, scope: str, key: str, reason: str, banned_by: str) -> int:
    try:
        return moderation.ban(connection, scope, key, reason=reason, banned_by=banned_by)
    except moderation.RefusedBanError as error:
        raise click.UsageError(f"nothing was banned: {printable(error)}") from error
    except moderation.UncertainError as error:
        raise click.ClickException(
            f"the database gave no answer, so the ban may stand or not ({printable(error)}); `purger bans` tells"
        ) from error
    except DatabaseUnavailableError as error:
        raise click.ClickException(f"nothing was banned: {printable(error)}") from error


def _lift(connection: Connection, scope: str, key: str) -> int:
    try:
        return moderation.lift(connection, scope, key)
    except moderation.UncertainError as error:
        raise click.ClickException(
            f"the database gave no answer, so bans may be lifted or not ({printable(error)}); `purger bans` tells"
        ) from error
    except DatabaseUnavailableError as error:
        raise click.ClickException(f"nothing was lifted: {printable(error)}") from error


def _owner_bans(connection: Connection, code: str) -> list[moderation.OwnerBan]:
    try:
        return moderation.owner_bans(connection, code)
    except DatabaseUnavailableError as error:
        remark(f"whether a ban of its owner hides it cannot be told: {printable(error)}")
        return []


def _hidden_by(others: list[moderation.OwnerBan]) -> str:
    if not others:
        return ""
    ids = ", ".join(str(other.id) for other in others)
    name = printable(others[0].owner)
    return f": owner {name} is banned (ban {ids}); `purger lift --owner {name}` would lift that"


def _is_acknowledged(connection: Connection, ban_id: int, seconds: float) -> bool:
    """Wait for the edges; a database that goes away meanwhile leaves the ban as it stands."""
    try:
        return await_edges(connection, Target(ban=ban_id), seconds)
    except DatabaseUnavailableError as error:
        remark(f"the ban stands, but whether edges have acknowledged it cannot be told: {printable(error)}")
        return False


def _is_delivered(connection: Connection, ban_id: int | None) -> bool:
    """Tell whether a ban (None: a lift) has what delivers it, triggers, purger and edges; if not, say what to do."""
    try:
        delivery = who_delivers(connection)
        reason = hindrance(delivery)
        if ban_id is not None and not wait_acknowledged(connection, Target(ban=ban_id), delivery, 0).found:
            reason = "no trigger put it into the outbox: run `purger migrate`"
    except DatabaseUnavailableError as error:
        reason = f"whether it is delivered cannot be told: {printable(error)}"
    if reason:
        remark(f"{'the lift' if ban_id is None else 'the ban'} stands, but {reason}")
    return reason is None
