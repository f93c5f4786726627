"""Puts the commands together into the command line `purger`, which rejects a misspelled one without guessing."""

import sys
from pathlib import Path

import click

from purger.edge.credentials import allow_only
from purger.exit_codes import ExitCode
from takedown_base.options import Program
from takedown_db.connection.url import UnusableUrlError

#: The commands by their rooms. Each is the function of its name in the module of its name.
_COMMANDS = {
    "purger.cli": "adopt audit console-password door door-token edge flush hook migrate redate run status vcl webhook",
    "purger.cli.moderation": "ban bans lift lists receipts wait",
    "purger.cli.signed_log": "checkpoint key prove redact verify",
}

#: The commands to name for a word that people type and that is no command. A guess may do the opposite.
_MEANT = {
    "unban": "purger lift",
    "unlift": "purger ban",
    "block": "purger ban",
    "unblock": "purger lift",
    "list": "purger bans, purger edge list",
    "log": "purger bans, purger receipts",
    "purge": "purger ban, purger flush",
}


class CommandGroup(Program):
    """A command line that answers an unknown command with those that exist."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command as ``click.Group`` does. Raises ``click.UsageError`` for one that does not exist."""
        name = str(args[0])
        if self.get_command(ctx, name) is None and not name.startswith("-") and not ctx.resilient_parsing:
            known = _MEANT.get(name) or ", ".join(self.list_commands(ctx))
            ctx.fail(f"there is no command {name!r}: see {known}")
        return super().resolve_command(ctx, args)


def _functions() -> dict[str, str]:
    """Return where each command's function is, by the command's name."""
    named = ((room, name, name.replace("-", "_")) for room, names in _COMMANDS.items() for name in names.split())
    return {name: f"{room}.{function}:{function}" for room, name, function in named}


@click.group(
    cls=CommandGroup,
    functions=_functions(),
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
