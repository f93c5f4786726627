"""`purger ban`: bans images by code, owner or content, for moderators without a system of their own.

`_ban_one` bans one subject, and `_ban_list` the subjects of a list, which `list_run.py` reads. Both end by saying
whether the ban is delivered.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

import click

from purger.cli.moderation.delivery import deliver
from purger.cli.moderation.list_run import ListOutcome, carry_out_list, dry_run_option, from_option
from purger.cli.options.database_url import moderation_url
from purger.cli.options.subject import GivenSubject, SubjectCommand, subject_options
from purger.cli.options.values import WaitSeconds, as_csv, as_json, logged_in_user, remark, utf8_text
from purger.exit_codes import ExitCode
from purger.moderation.acknowledgement_wait import EdgeAcknowledgement, Target
from purger.moderation.bans import RefusedBanError, UncertainError, count_bans, insert_ban
from purger.moderation.copies import copy_lines, read_copies, write_csv
from purger.moderation.lists import Banning, RefusedLine
from purger.moderation.questions import are_known, count_images, original_digest
from purger.moderation.site_names import SiteNames
from purger.moderation.subjects import Subject
from purger.text_format import counted
from takedown_base.json_output import print_json
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_db.connection.command_connection import connected
from takedown_db.connection.errors import DatabaseUnavailableError
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
    help="Wait until every enabled edge has acknowledged the ban, SECONDS at most, and say so by the exit code. With "
    "--from, wait for all changes that are committed.  [default: return at once]",
)
@as_csv
@as_json
@moderation_url
def ban(given: GivenSubject, source: BinaryIO | None, banned_by: str | None, moderation_url: str, **flags: Any) -> None:
    """Ban the image CODE, all images of an owner or with the same bytes, or a list. Prints the id of the ban.

    CODE may be a name or a URL of the site: a name by which an image was imported, or a URL that leads to one at the
    edges, one of which is asked. What leads to no image is refused.

    Exit code 3 says that something needs attention. Either nothing was banned, since no image has the code, the owner
    or the bytes (of a list, these lines were refused). Or the ban is committed, but not delivered: no purger is alive,
    no trigger put it into the outbox, or an edge, which is named, has not acknowledged it within --wait.
    """
    settings = BanSettings(banned_by=banned_by or logged_in_user(), **flags)
    if bool(given) == (source is not None):
        raise click.UsageError(
            "give either one of CODE, --owner, --digest, --file and --same-as, or a list with --from"
        )
    if settings.dry_run and settings.wait is not None:
        raise click.UsageError("--dry-run and --wait exclude each other")
    if settings.as_csv and not (settings.dry_run and (given.digest or given.file or given.same_as)):
        raise click.UsageError("--csv is for --dry-run with --digest, --file or --same-as")
    if settings.again and source is None:
        raise click.UsageError("--again is for --from: a single subject is always banned again")
    with connected(Connection, moderation_url) as connection:
        done = _ban_list(connection, source, settings) if source else _ban_one(connection, given, settings)
    if not done:
        sys.exit(ExitCode.ATTENTION)


@dataclass(frozen=True, slots=True, kw_only=True)
class BanSettings:
    """The flags of `purger ban`, for one subject and for lists alike."""

    reason: str
    banned_by: str
    ahead: bool
    again: bool
    dry_run: bool
    wait: float | None  # seconds; None: return at once
    as_csv: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class BanReport:
    """The ban of one subject. The fields are the keys of `purger ban --json`."""

    id: int | None  # None: nothing was banned
    scope: str
    subject: str
    images: int | None  # number of images that it hides; None: the database did not answer this question
    copies: int | None = None  # number of other codes with the original of this code; None: as above, or another scope
    acknowledged: bool | None = None  # whether all edges have acknowledged it; None: without --wait
    edges: list[EdgeAcknowledgement] | None = None
    hit: list[dict[str, str | None]] | None = None  # of a dry run by content: code, owner and URL of each copy


@dataclass(frozen=True, slots=True)
class BanListReport:
    """The bans of a list. The fields are the keys of JSON. Subjects and images are counted by scope."""

    dry_run: bool
    banned: dict[str, int]
    images: dict[str, int] | None  # number of images that a ban would hide; None: no dry run
    banned_already: int
    without_image: int
    malformed: int
    refused: list[RefusedLine]  # the first 10,000
    acknowledged: bool | None  # as in BanReport
    edges: list[EdgeAcknowledgement] | None


@dataclass(frozen=True, slots=True)
class _Delivery:
    """The state of the delivery when the command ends."""

    done: bool  # nothing about it needs attention
    acknowledged: bool | None = None  # as in BanReport
    edges: list[EdgeAcknowledgement] | None = None


def _deliver(connection: Connection, settings: BanSettings, change: str, target: Target) -> _Delivery:
    """Wait for the edges as --wait says, or remark on what hinders the delivery."""
    edges: list[EdgeAcknowledgement] = []
    done = deliver(connection, change, target, settings.wait, edges.append if settings.as_json else None)
    return _Delivery(done) if settings.wait is None else _Delivery(done, done, edges)


def _ban_one(connection: Connection, given: GivenSubject, settings: BanSettings) -> bool:
    """Ban a subject, and report. Returns whether nothing needs attention. Raises ``click.ClickException``."""
    with _nothing_banned():
        subject = given.find(connection)
        known = settings.ahead or _is_known(connection, subject)
    if not known or settings.dry_run:
        _report_only(connection, subject, settings, known=known)
        return known
    ban_id = _write_ban(connection, subject, settings)
    images = _images(connection, subject)
    if not settings.as_json:
        hidden = "" if images is None or subject.scope is Scope.IMAGE else f", {counted(images, 'image')}"
        click.echo(f"ban {ban_id}: {subject}{hidden}")
    copies = _copies(connection, subject)
    delivery = _deliver(connection, settings, "the ban is committed", Target(ban=ban_id))
    if settings.as_json:
        print_json(BanReport(ban_id, *subject, images, copies, delivery.acknowledged, delivery.edges))
    return delivery.done


def _report_only(connection: Connection, subject: Subject, settings: BanSettings, *, known: bool) -> None:
    """Report what a ban would hide, and change nothing."""
    images = _images(connection, subject) if known else 0
    with _nothing_banned():
        copies = read_copies(connection, subject)
    hit = None if copies is None else [each._asdict() for each in copies]
    if settings.as_csv:
        write_csv(copies or [], sys.stdout)
    elif settings.as_json:
        print_json(BanReport(None, *subject, images, hit=hit))
    elif known:
        click.echo(f"would ban {subject}" + ("" if images is None else f" ({counted(images, 'image')})"))
        for line in copy_lines(copies or []):
            click.echo(line)


def _is_known(connection: Connection, subject: Subject) -> bool:
    """Find out whether any image has the subject, and say on stderr if none has."""
    (known,) = are_known(connection, [subject])
    if not known:
        advice = "codes and keys differ in case"
        if subject.scope is Scope.DIGEST:
            advice = (
                "images that `purger status` counts as not known by all their names have only the hash of the file "
                "that the site shows, so give --same-as CODE, or --file with the image as the site shows it"
            )
        remark(
            f"nothing was banned: {subject.no_image}; {advice}. --ahead bans it all the same, for an image that comes "
            "later"
        )
    return known


def _write_ban(connection: Connection, subject: Subject, settings: BanSettings) -> int:
    try:
        with _nothing_banned():
            return insert_ban(connection, subject, reason=settings.reason, banned_by=settings.banned_by)
    except RefusedBanError as error:
        raise click.UsageError(f"nothing was banned: {printable(error)}") from error
    except UncertainError as error:
        doubt = "the database gave no answer, so the ban may be committed or not"
        raise click.ClickException(f"{doubt} ({printable(error)}); `purger bans` shows it") from error


@contextmanager
def _nothing_banned() -> Iterator[None]:
    try:
        yield
    except DatabaseUnavailableError as error:
        raise click.ClickException(f"nothing was banned: {printable(error)}") from error


def _images(connection: Connection, subject: Subject) -> int | None:
    """Count the images that a ban hides. None: the database is away by now, as stderr says."""
    try:
        return count_images(connection, [subject])[0]
    except DatabaseUnavailableError as error:
        remark(f"how many images it hides is not known: {printable(error)}")
        return None


def _copies(connection: Connection, subject: Subject) -> int | None:
    """Count the other codes that show the same bytes as a code, and say on stderr how to ban them too."""
    if subject.scope is not Scope.IMAGE:
        return None
    try:
        digest = original_digest(connection, subject.key)
        if digest is None:
            return 0
        content = Subject(Scope.DIGEST, digest)
        copies = count_images(connection, [content])[0] - 1
        banned = count_bans(connection, [content])[0].open
    except DatabaseUnavailableError as error:
        remark(f"whether other codes show the same bytes is not known: {printable(error)}")
        return None
    if copies and not banned:
        same = "1 other image shows" if copies == 1 else f"{copies:,} other images show"
        remark(f"{same} the same bytes: `purger ban --same-as {subject.key}` bans them under every code")
    return copies


def _ban_list(connection: Connection, source: BinaryIO, settings: BanSettings) -> bool:
    """Ban a list, and report. Returns whether nothing needs attention. Raises ``click.ClickException``."""
    change = Banning(
        connection,
        reason=settings.reason,
        banned_by=settings.banned_by,
        ahead=settings.ahead,
        again=settings.again,
        dry_run=settings.dry_run,
    )
    repeated = "bans all of it again, as --again says" if settings.again else "leaves out those that are banned already"
    outcome = carry_out_list(
        source, SiteNames(connection).lines, change, repeated=None if settings.dry_run else repeated
    )
    if not settings.as_json:
        verb = "would ban" if settings.dry_run else "banned"
        subjects = outcome.subjects(with_images=settings.dry_run)
        rest = outcome.rest("banned already", "without an image")
        click.echo(f"{verb} {subjects}{rest}")
    delivery = _Delivery(done=True)
    # --wait is for all changes that are committed by now: the bans of before may be on their way too.
    if settings.wait is not None or (outcome.changed and not settings.dry_run):
        delivery = _deliver(connection, settings, "the bans are committed", Target())
    if settings.as_json:
        print_json(_list_report(outcome, settings, delivery))
    return delivery.done and not outcome.refused


def _list_report(outcome: ListOutcome, settings: BanSettings, delivery: _Delivery) -> BanListReport:
    return BanListReport(
        dry_run=settings.dry_run,
        banned={scope: outcome.changed[scope] for scope in Scope},
        images={scope: outcome.images[scope] for scope in Scope} if settings.dry_run else None,
        banned_already=outcome.unchanged,
        without_image=outcome.unknown,
        malformed=outcome.malformed,
        refused=outcome.refused_lines,
        acknowledged=delivery.acknowledged,
        edges=delivery.edges,
    )
