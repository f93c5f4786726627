"""`purger lift`: lifts the bans on an image or an owner."""

import sys

import click

from purger import moderation
from purger.cli.delivery_remark import remark_undelivered
from purger.cli.options import moderation_url
from purger.cli.remark import remark
from purger.cli.subject_arguments import SubjectCommand, code_argument, owner_option, read_subject
from purger.exit_codes import ExitCode
from takedown_db.command_connection import connected
from takedown_db.errors import DatabaseUnavailableError
from takedown_db.lasting_connection import Connection
from takedown_db.printable import printable
from takedown_db.scope import Scope

_EXAMPLES = """\b
Examples:
purger lift kX3_vQ
purger lift --owner anna"""


@click.command(cls=SubjectCommand, epilog=_EXAMPLES)
@code_argument
@owner_option
@moderation_url
def lift(code: str | None, owner: str | None, moderation_url: str) -> None:
    """Lift every open ban of the image CODE, or of an owner.

    Exit code 3 says that a ban of its owner goes on hiding the image, or that no purger is alive or a trigger is
    missing. Images of an owner that have bans of their own stay hidden too.
    """
    scope, subject = read_subject(code, owner)
    with connected(Connection, moderation_url) as connection:
        count = _lift(connection, scope, subject)
        others = _owner_bans(connection, subject) if scope is Scope.IMAGE else []
        if not count:
            raise click.ClickException(f"there is no open ban on {scope} {subject}{_hidden_by(others)}")
        click.echo(f"lifted {count} {'ban' if count == 1 else 'bans'}: {scope} {subject}")
        if others:
            remark(f"the image stays hidden{_hidden_by(others)}")
        undelivered = remark_undelivered(connection, None)
    if others or undelivered:
        sys.exit(ExitCode.ATTENTION)


def _lift(connection: Connection, scope: Scope, subject: str) -> int:
    try:
        return moderation.lift(connection, scope, subject)
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
    """Say which bans of its owner hide an image, and how to lift them. Empty: there are none."""
    if not others:
        return ""
    ids = ", ".join(str(other.id) for other in others)
    name = printable(others[0].owner)
    return f": owner {name} is banned (ban {ids}); `purger lift --owner {name}` would lift that"
