"""`purger ban` and `purger lift`: for moderators without a system of their own, and for a court order at night."""

import sys

import click
import mysql.connector

from database import explain
from purger import moderation
from purger.cli_options import linked, url_option
from purger.errors import DatabaseUnavailableError
from purger.link import Link

_moderation_url = url_option("--moderation-url", "PURGER_MODERATION_URL", "moderation's account")
_purger_url = url_option(
    "--database-url",
    "PURGER_DATABASE_URL",
    "the purger's account: for --wait, and to tell whether there is such an image",
    required=False,
)
_owner = click.option("--owner", metavar="KEY", help="All images of this owner instead of one code.")
_code = click.argument("code", required=False)


@click.command()
@_code
@_owner
@click.option("--reason", default="", help="Kept with the ban.")
@click.option("--by", "banned_by", help="Who bans.  [default: the user who is logged in]")
@click.option("--wait", type=click.FloatRange(min=0), metavar="SECONDS",
              help="Wait until every edge has acknowledged, or has a problem.")  # fmt: skip
@_moderation_url
@_purger_url
def ban(
    code: str | None, owner: str | None, reason: str, banned_by: str | None, wait: float | None, moderation_url: str,
    database_url: str | None,
) -> None:  # fmt: skip
    """Ban the image CODE, or all images of an owner. Prints the ban's id.

    With --wait exit code 3 says that an edge has not acknowledged; it is named.
    """
    scope, subject = _subject(code, owner)
    if wait is not None and database_url is None:
        raise click.UsageError("--wait needs --database-url (PURGER_DATABASE_URL)")
    try:
        ban_id = moderation.ban(moderation_url, scope, subject, reason=reason, banned_by=banned_by)
    except moderation.RefusedBanError as error:
        raise click.UsageError(str(error)) from error
    except mysql.connector.Error as error:
        raise click.ClickException(f"nothing was banned: {explain(error)}") from error
    click.echo(f"ban {ban_id}: {scope} {subject}")
    if database_url:
        _warn_if_unknown(database_url, scope, subject)
    if wait is not None and database_url:
        with linked(database_url) as link:
            _tell(moderation.wait_reached(link, ban_id, wait))


@click.command()
@_code
@_owner
@_moderation_url
def lift(code: str | None, owner: str | None, moderation_url: str) -> None:
    """Lift every open ban of the image CODE, or of an owner. An owner's ban goes on hiding a code that is lifted."""
    scope, subject = _subject(code, owner)
    try:
        count = moderation.lift(moderation_url, scope, subject)
    except mysql.connector.Error as error:
        raise click.ClickException(f"nothing was lifted: {explain(error)}") from error
    if not count:
        raise click.ClickException(f"there is no open ban on {scope} {subject}")
    click.echo(f"lifted {count} {'ban' if count == 1 else 'bans'}: {scope} {subject}")


def _subject(code: str | None, owner: str | None) -> tuple[str, str]:
    if (code is None) == (owner is None):
        raise click.UsageError("give either a code or --owner KEY")
    return ("image", code) if code is not None else ("owner", str(owner))


def _warn_if_unknown(url: str, scope: str, subject: str) -> None:
    link = Link(url, timeout=5)
    try:
        known = link.rows("subject_known", scope=scope, subject=subject)[0][0]
    except DatabaseUnavailableError:
        return  # the ban stands; that is what counts
    finally:
        link.close()
    if not known:
        what = "no image has this code" if scope == "image" else "no image is this owner's"
        click.echo(f"note: {what} yet; the ban holds for what may come", err=True)


def _tell(edges: list[moderation.Reached]) -> None:
    for edge in edges:
        state = "acknowledged" if edge.acknowledged else edge.problem or "not yet acknowledged; does a purger run?"
        click.echo(f"edge {edge.edge}: {state}")
    if not edges:
        click.echo("there are no edges, or no trigger put the ban into the outbox: see `purger status`", err=True)
    if not edges or not all(edge.acknowledged for edge in edges):
        sys.exit(3)
