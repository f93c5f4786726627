"""Puts the commands together into the command line `purger`."""

import sys
from pathlib import Path

import click

from purger.cli.command_group import CommandGroup
from purger.edge.credentials import allow_only
from purger.exit_codes import ExitCode
from takedown_db.connection.url import UnusableUrlError

#: The commands. Each is the function of its name in the module of its name.
_COMMANDS = (
    *("adopt", "audit", "ban", "bans", "checkpoint", "console-password", "edge", "flush", "hook", "key", "lift"),
    *("migrate", "prove", "receipts", "redact", "redate", "run", "status", "vcl", "verify", "wait"),
)


@click.group(
    cls=CommandGroup,
    functions={name: "purger.cli.{0}:{0}".format(name.replace("-", "_")) for name in _COMMANDS},
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="edge-takedown")
@click.option(
    "--token-directory",
    type=click.Path(path_type=Path, file_okay=False),
    envvar="PURGER_TOKEN_DIRECTORY",
    show_envvar=True,
    expose_value=False,
    callback=lambda _context, _parameter, value: allow_only(value),
    help="Use tokens, certificates and keys of edges only from this directory: whoever may write the table `edges` "
    "could otherwise have the purger send other files to a server of their own.  [default: any directory]",
)
def cli() -> None:
    """Deliver bans and lifts from the moderation database to every Varnish edge."""


def main() -> None:
    """Run the command line. Prints a malformed database URL as an error of usage, in one line."""
    try:
        cli()
    except UnusableUrlError as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(ExitCode.USAGE)
