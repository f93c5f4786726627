"""Puts the commands together into the command line `purger`."""

import sys
from pathlib import Path

import click

from purger.cli.adopt import adopt
from purger.cli.audit import audit
from purger.cli.ban import ban
from purger.cli.bans import bans
from purger.cli.command_group import CommandGroup
from purger.cli.edge import edge
from purger.cli.flush import flush
from purger.cli.hook import hook
from purger.cli.lift import lift
from purger.cli.migrate import migrate
from purger.cli.receipts import receipts
from purger.cli.run import run
from purger.cli.status import status
from purger.cli.vcl import vcl
from purger.cli.wait import wait
from purger.credentials import allow_only
from purger.exit_codes import ExitCode
from takedown_db.url import UnusableUrlError


@click.group(cls=CommandGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="edge-takedown")
@click.option(
    "--token-directory",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="PURGER_TOKEN_DIRECTORY",
    show_envvar=True,
    expose_value=False,
    callback=lambda _context, _parameter, value: allow_only(value),
    help="Use tokens, certificates and keys of edges from this directory alone: whoever may write the table `edges` "
    "could otherwise have the purger send other files to a server of their own.  [default: any directory]",
)
def cli() -> None:
    """Deliver bans and lifts from the moderation database to every Varnish edge."""


for command in (ban, lift, bans, wait, flush, status, receipts, audit, edge, adopt, migrate, hook, run, vcl):
    cli.add_command(command)


def main() -> None:
    """Run the command line. Prints a malformed database URL as an error of usage, in one line."""
    try:
        cli()
    except UnusableUrlError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(ExitCode.USAGE)
