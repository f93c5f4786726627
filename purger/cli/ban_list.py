"""Bans the subjects of a list for `purger ban --from`."""

from typing import BinaryIO

import click

from purger.cli.ban_json import BanListReport
from purger.cli.ban_settings import BanSettings
from purger.cli.delivery_remark import is_acknowledged, remark_undelivered
from purger.cli.list_run import ListOutcome, carry_out_list
from purger.cli.remark import remark
from purger.moderation.acknowledgement_wait import EdgeAcknowledgement, Target
from purger.moderation.lists import Banning
from takedown_base.json_output import print_json
from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import Connection

_STANDING = "the bans stand"


def ban_list(connection: Connection, source: BinaryIO, settings: BanSettings) -> bool:
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
    outcome = carry_out_list(source, change, repeated=None if settings.dry_run else repeated)
    if change.schema_is_old:
        remark("the schema is too old to tell which lines have an image: run `purger migrate`")
    counts_images = settings.dry_run and not change.schema_is_old
    if not settings.as_json:
        verb = "would ban" if settings.dry_run else "banned"
        subjects = outcome.subjects(with_images=counts_images)
        click.echo(f"{verb} {subjects}{outcome.rest('banned already', 'without an image')}")
    edges: list[EdgeAcknowledgement] = []
    acknowledged = None
    delivered = True
    if settings.wait is not None:
        # All changes that are committed by now: the bans that were there before may be on their way too.
        tell = edges.append if settings.as_json else None
        acknowledged = delivered = is_acknowledged(connection, _STANDING, Target(), settings.wait, tell)
    elif outcome.changed and not settings.dry_run:
        delivered = not remark_undelivered(connection, _STANDING)
    if settings.as_json:
        print_json(_report(outcome, settings.dry_run, counts_images, acknowledged, edges))
    return delivered and not outcome.refused


def _report(
    outcome: ListOutcome,
    dry_run: bool,
    counts_images: bool,
    acknowledged: bool | None,
    edges: list[EdgeAcknowledgement],
) -> BanListReport:
    return BanListReport(
        dry_run=dry_run,
        banned={scope: outcome.changed[scope] for scope in Scope},
        images={scope: outcome.images[scope] for scope in Scope} if counts_images else None,
        banned_already=outcome.unchanged,
        without_image=outcome.unknown,
        malformed=outcome.malformed,
        refused=outcome.refused_lines,
        acknowledged=acknowledged,
        edges=None if acknowledged is None else edges,
    )
