"""`purger lift`: lifts the bans on images by code, owner or content."""

import sys
from dataclasses import dataclass
from typing import Any, BinaryIO

import click

from purger.cli.moderation.delivery import deliver
from purger.cli.moderation.list_run import carry_out_list, dry_run_option, from_option
from purger.cli.options.database_url import moderation_url
from purger.cli.options.subject import GivenSubject, SubjectCommand, subject_options
from purger.cli.options.values import WaitSeconds, logged_in_user, remark, utf8_text
from purger.exit_codes import ExitCode
from purger.moderation.acknowledgement_wait import Target
from purger.moderation.bans import UncertainError, lift_bans
from purger.moderation.lists import Lifting
from purger.moderation.questions import IndirectBan, hiding_bans
from purger.moderation.site_names import SiteNames
from purger.moderation.subjects import Subject
from purger.text_format import counted
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_db.connection.command_connection import connected
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection

_EXAMPLES = """\b
Examples:
purger lift kX3_vQ --reason 'order 12/26 was withdrawn' --by 'J. Doe' --wait 10
purger lift --owner anna
purger lift --same-as kX3_vQ     (the bans on the bytes that this code shows)
purger lift --from list.txt"""

_COMMITTED = "the lift is committed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LiftSettings:
    """The flags of `purger lift`, for one subject and for lists alike."""

    reason: str
    lifted_by: str
    dry_run: bool
    wait: float | None  # seconds; None: return at once


@click.command(cls=SubjectCommand, epilog=_EXAMPLES)
@subject_options
@from_option
@click.option("--reason", default="", callback=utf8_text, help="Why; kept beside the ban's own reason.")
@click.option(
    "--by",
    "lifted_by",
    callback=utf8_text,
    help="Who lifts; kept beside who banned.  [default: the user who is logged in]",
)
@dry_run_option
@click.option(
    "--wait",
    type=WaitSeconds(),
    metavar="SECONDS",
    help="Wait until every enabled edge has acknowledged the lift, SECONDS at most, and say so by the exit code. With "
    "--from, wait for all changes that are committed.  [default: return at once]",
)
@moderation_url
def lift(
    given: GivenSubject, source: BinaryIO | None, lifted_by: str | None, moderation_url: str, **flags: Any
) -> None:
    """Lift every open ban of the image CODE, of an owner or of the same bytes, or of a list.

    CODE may be a name or a URL of the site. Images of an owner, or with the same bytes, that have bans of
    their own stay hidden.

    Exit code 3 says that something needs attention: a ban of the image's owner or of its bytes, which is named, still
    hides it, or the database did not say; no purger is alive; a trigger is missing; an edge, which is named, has not
    acknowledged it within --wait; or lines of a list were refused.
    """
    settings = LiftSettings(lifted_by=lifted_by or logged_in_user(), **flags)
    if bool(given) == (source is not None):
        raise click.UsageError(
            "give either one of CODE, --owner, --digest, --file and --same-as, or a list with --from"
        )
    if settings.dry_run and settings.wait is not None:
        raise click.UsageError("--dry-run and --wait exclude each other")
    if settings.dry_run and source is None:
        raise click.UsageError("--dry-run is for --from: `purger bans` shows the bans of one subject")
    with connected(Connection, moderation_url) as connection:
        done = _lift_list(connection, source, settings) if source else _lift_one(connection, given, settings)
    if not done:
        sys.exit(ExitCode.ATTENTION)


def _lift_one(connection: Connection, given: GivenSubject, settings: LiftSettings) -> bool:
    """Lift the bans of a subject, and report. Returns whether nothing needs attention."""
    subject = given.find(connection)
    count = _lift(connection, subject, settings)
    others = _hiding_bans(connection, subject) if subject.scope is Scope.IMAGE else []
    if not count:
        raise click.ClickException(f"there is no open ban on {subject}{_hidden_by(others or [])}")
    click.echo(f"lifted {counted(count, 'ban')}: {subject}")
    if others:
        remark(f"the image stays hidden{_hidden_by(others)}")
    delivered = deliver(connection, _COMMITTED, Target(scope=subject.scope, subject=subject.key), settings.wait)
    return others == [] and delivered


def _lift(connection: Connection, subject: Subject, settings: LiftSettings) -> int:
    try:
        return lift_bans(connection, [subject], lifted_by=settings.lifted_by, reason=settings.reason)
    except UncertainError as error:
        doubt = "the database gave no answer, so bans may be lifted or not"
        raise click.ClickException(f"{doubt} ({printable(error)}); `purger bans` shows them") from error
    except DatabaseUnavailableError as error:
        raise click.ClickException(f"nothing was lifted: {printable(error)}") from error


def _hiding_bans(connection: Connection, subject: Subject) -> list[IndirectBan] | None:
    """Read the other bans that hide an image. None: the database is away by now, as stderr says."""
    try:
        return hiding_bans(connection, [subject.key])
    except DatabaseUnavailableError as error:
        remark(f"whether a ban of its owner or of its bytes hides it is not known: {printable(error)}")
        return None


def _hidden_by(others: list[IndirectBan]) -> str:
    """Say which bans of its owner and its original hide an image, and how to lift them. Empty: none does."""
    ids: dict[tuple[str, str], list[str]] = {}
    for other in others:
        ids.setdefault((printable(other.scope), printable(other.subject)), []).append(str(other.id))
    return "".join(
        f"{',' if place else ':'} {scope} {key} is banned (ban {', '.join(numbers)}); "
        f"`purger lift --{scope} {key}` would lift that"
        for place, ((scope, key), numbers) in enumerate(ids.items())
    )


def _lift_list(connection: Connection, source: BinaryIO, settings: LiftSettings) -> bool:
    """Lift the bans of a list, and report. Returns whether nothing needs attention."""
    dry_run = settings.dry_run
    change = Lifting(connection, lifted_by=settings.lifted_by, reason=settings.reason, dry_run=dry_run)
    repeated = None if dry_run else "leaves out those that are lifted already"
    outcome = carry_out_list(source, SiteNames(connection).lines, change, repeated=repeated)
    verb = "would lift the bans on" if dry_run else "lifted the bans on"
    click.echo(f"{verb} {outcome.subjects()}{outcome.rest('lifted already', 'never banned')}")
    hidden = _count_hidden(change)
    delivered = True
    # --wait is for all changes that are committed by now: lifts of before may be on their way too.
    if settings.wait is not None or (outcome.changed and not dry_run):
        delivered = deliver(connection, _COMMITTED, Target(), settings.wait)
    return hidden == 0 and delivered and not outcome.refused


def _count_hidden(change: Lifting) -> int | None:
    """Count the lifted images that other bans hide, and say so on stderr. None: the database is away by now."""
    try:
        hidden = change.count_hidden()
    except DatabaseUnavailableError as error:
        remark(f"whether bans of owners or of bytes hide them is not known: {printable(error)}")
        return None
    if hidden:
        remark(
            f"{counted(hidden, 'image')} stay hidden by bans of their owners or bytes: `purger bans CODE` names them"
        )
    return hidden
