"""Bans one subject for `purger ban`."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from purger.cli.ban_json import BanReport
from purger.cli.ban_settings import BanSettings
from purger.cli.delivery_remark import is_acknowledged, remark_undelivered
from purger.cli.options.subject_arguments import GivenSubject
from purger.cli.remark import remark
from purger.moderation import bans as moderation
from purger.moderation.acknowledgement_wait import EdgeAcknowledgement, Target
from purger.moderation.questions import are_known, count_images, original_digest
from purger.moderation.subjects import Subject
from purger.text_format import counted
from takedown_base.json_output import print_json
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection

_STANDING = "the ban stands"


def ban_one(connection: Connection, given: GivenSubject, read: Subject, settings: BanSettings) -> bool:
    """Ban a subject, and report. Returns whether nothing needs attention. Raises ``click.ClickException``."""
    with _nothing_banned():
        subject = given.resolve(connection, read)
        known = settings.ahead or _is_known(connection, subject)
    if not known or settings.dry_run:
        _report_only(connection, subject, settings, known=known)
        return known
    ban_id = _ban(connection, subject, settings)
    images = _images(connection, subject)
    if not settings.as_json:
        hidden = "" if images is None or subject.scope is Scope.IMAGE else f", {counted(images, 'image')}"
        click.echo(f"ban {ban_id}: {subject}{hidden}")
    copies = _copies(connection, subject)
    edges: list[EdgeAcknowledgement] = []
    acknowledged = None
    if settings.wait is None:
        done = not remark_undelivered(connection, _STANDING, ban_id)
    else:
        tell = edges.append if settings.as_json else None
        acknowledged = done = is_acknowledged(connection, _STANDING, Target(ban=ban_id), settings.wait, tell)
    if settings.as_json:
        known_edges = None if acknowledged is None else edges
        print_json(BanReport(ban_id, subject.scope, subject.key, images, copies, acknowledged, known_edges))
    return done


def _report_only(connection: Connection, subject: Subject, settings: BanSettings, *, known: bool) -> None:
    """Report what a ban would hide, and change nothing."""
    images = _images(connection, subject) if known else 0
    if settings.as_json:
        print_json(BanReport(None, subject.scope, subject.key, images, None, None, None))
    elif known:
        click.echo(f"would ban {subject}" + ("" if images is None else f" ({counted(images, 'image')})"))


def _is_known(connection: Connection, subject: Subject) -> bool:
    """Tell whether an image has the subject, and say on stderr that none has, or that the schema does not tell."""
    known = are_known(connection, [subject])
    if known is None:
        # A takedown does not wait for an upgrade of the schema.
        remark("the schema is too old to tell whether there is such an image: run `purger migrate`")
        return True
    if not known[0]:
        advice = "codes and keys differ in case"
        if subject.scope is Scope.DIGEST:
            advice = (
                "an import that strips metadata keeps other bytes than the file that was uploaded, so give "
                "--same-as CODE, or --file with the image as the site shows it"
            )
        remark(
            f"nothing was banned: {subject.no_image}; {advice}. --ahead bans it all the same, for an image that comes "
            "later"
        )
    return known[0]


def _ban(connection: Connection, subject: Subject, settings: BanSettings) -> int:
    try:
        with _nothing_banned():
            return moderation.ban(connection, subject, reason=settings.reason, banned_by=settings.banned_by)
    except moderation.RefusedBanError as error:
        raise click.UsageError(f"nothing was banned: {printable(error)}") from error
    except moderation.UncertainError as error:
        raise click.ClickException(
            f"the database gave no answer, so the ban may stand or not ({printable(error)}); `purger bans` tells"
        ) from error


@contextmanager
def _nothing_banned() -> Iterator[None]:
    try:
        yield
    except DatabaseUnavailableError as error:
        raise click.ClickException(f"nothing was banned: {printable(error)}") from error


def _images(connection: Connection, subject: Subject) -> int | None:
    """Count the images that a ban hides. None: it cannot be told, as stderr says."""
    try:
        images = count_images(connection, [subject])
    except DatabaseUnavailableError as error:
        remark(f"how many images it hides cannot be told: {printable(error)}")
        return None
    return images[0] if images else None


def _copies(connection: Connection, subject: Subject) -> int | None:
    """Count the other codes that show the same bytes as a code, and say on stderr how to ban them too."""
    if subject.scope is not Scope.IMAGE:
        return None
    try:
        digest = original_digest(connection, subject.key)
        if digest is None:
            return 0
        content = Subject(Scope.DIGEST, digest)
        copies = (count_images(connection, [content]) or [1])[0] - 1
        banned = moderation.count_bans(connection, [content])[0].open
    except DatabaseUnavailableError as error:
        remark(f"whether other codes show the same bytes cannot be told: {printable(error)}")
        return None
    if copies and not banned:
        same = "1 other image shows" if copies == 1 else f"{copies:,} other images show"
        remark(f"{same} the same bytes: `purger ban --same-as {subject.key}` bans them under every code")
    return copies
