"""The command line `purger`."""

import logging
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from purger import service
from purger.cli.adopt import adopt
from purger.cli.audit import audit
from purger.cli.ban_lift import ban, lift
from purger.cli.bans import bans
from purger.cli.edge import edge
from purger.cli.flush import flush
from purger.cli.group import Commands
from purger.cli.options import database_url, url_option
from purger.cli.receipts import receipts
from purger.cli.status import status
from purger.cli.vcl import vcl
from purger.cli.wait import wait
from purger.credentials import allow_only
from purger.settings import Settings
from takedown_db.connection import Connection
from takedown_db.errors import DatabaseUnavailableError
from takedown_db.schema import migrate as schema
from takedown_db.url import UnusableUrlError


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="edge-takedown")
@click.option(
    "--token-directory",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="PURGER_TOKEN_DIRECTORY",
    show_envvar=True,
    expose_value=False,
    callback=lambda _context, _parameter, value: allow_only(value),
    help="Use no token, certificate or key of edges outside of this directory: whoever may write the table `edges` "
    "could otherwise have other files sent to a server of his.  [default: any]",
)
def cli() -> None:
    """Deliver bans and lifts from the moderation database to every Varnish edge."""


for command in (ban, lift, bans, wait, flush, status, receipts, audit, edge, adopt, vcl):
    cli.add_command(command)


@cli.command()
@url_option("--database-url", "PURGER_ADMIN_URL", "an admin's account")
def migrate(database_url: str) -> None:
    """Create or update the schema, its triggers and accounts. Safe to run again: it restores what is missing."""
    try:
        done = schema.migrate(database_url)
    except schema.MigrationError as error:
        raise click.ClickException(str(error)) from error
    for line in done or ["nothing to do: the schema is complete"]:
        click.echo(line)


def _seconds(name: str, text: str) -> Callable[[Any], Any]:
    default = getattr(Settings(database_url=""), name)
    flag = "--" + name.replace("_", "-")
    envvar = "PURGER_" + name.upper()
    return click.option(
        flag,
        name,
        type=click.FloatRange(min=0, min_open=True),
        default=default,
        envvar=envvar,
        show_default=True,
        show_envvar=True,
        help=f"Seconds {text}.",
    )


def _days(name: str, text: str) -> Callable[[Any], Any]:
    default = getattr(Settings(database_url=""), name)
    return click.option(
        "--" + name.replace("_", "-"),
        name,
        type=click.IntRange(min=1, max=36_500),
        default=default,
        envvar="PURGER_" + name.upper(),
        show_default=True,
        show_envvar=True,
        help=f"Days {text}.",
    )


@cli.command()
@database_url
@_seconds("poll_interval", "between two looks at the outbox")
@_seconds("heartbeat_interval", "between an edge's heartbeats")
@_seconds("rebound_delay", "until each purge is sent a second time")
@_seconds("later_rebound_delay", "until it is sent a third time")
@_seconds("last_rebound_delay", "until it is sent a fourth time: an edge may stand still for as long")
@_seconds("connect_timeout", "to wait for a connection to an edge")
@_seconds("read_timeout", "for one request to an edge, the whole of its answer included")
@_seconds("retry_longest", "between two tries at most")
@_seconds("prune_interval", "between looks for what is past its retention")
@_seconds("audit_interval", "between audits of a small sample")
@_days("retention_days", "that changes stay in the outbox: an edge that was away for longer is flushed")
@_days("receipt_retention_days", "that bans and lifts stay there, with their receipts")
@click.option("--verbose", is_flag=True, help="Log details.")
def run(verbose: bool, **values: Any) -> None:
    """Run until SIGTERM or SIGINT: number changes, purge every edge, renew its lease."""
    logging.basicConfig(
        stream=sys.stderr,
        level=logging.DEBUG if verbose else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
    )
    # Its warnings on answers with malformed headers are tracebacks.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    settings = Settings(**values)
    connection = Connection(settings.database_url, timeout=settings.database_timeout)
    # A URL that can never work ends it here; a database that is away is waited for.
    with suppress(DatabaseUnavailableError):
        connection.rows("outbox_head")
    connection.close()
    service.run(settings)


def main() -> None:
    """Entry point: errors that the user can mend are told in one line."""
    try:
        cli()
    except UnusableUrlError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
