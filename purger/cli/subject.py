"""What the moderator's commands take: a code or an owner, and whose name is kept with it."""

import getpass
import math
import os
from typing import Any

import click

from purger.cli.options import url_option
from takedown_db.codes import hint_for_code, is_key
from takedown_db.printable import printable

#: Exit code for what is done in part or in need of attention.
ATTENTION = 3

moderation_url = url_option("--moderation-url", "PURGER_MODERATION_URL", "moderation's account")
owner_option = click.option("--owner", metavar="KEY", help="All images of this owner instead of one code.")
code_argument = click.argument("code", required=False)


class SubjectCommand(click.Command):
    """A command that takes a code, which may begin with a dash."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse as ``click.Command`` does, and tell how a code is given that was taken for an option."""
        given = list(args)
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as error:
            code = next((each for each in given if each.startswith(error.option_name) and is_key(each)), None)
            if code is None:
                raise
            hint = f"If {code} is a code, put -- before it: `{ctx.command_path} -- {code}`"
            raise click.UsageError(f"{error.format_message()} {hint}", ctx) from error


class Seconds(click.FloatRange):
    """A time that a command waits, in seconds: from 0 to a year."""

    def __init__(self) -> None:
        super().__init__(min=0, max=365 * 86_400)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a number, and refuse the one that no clock reaches."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a number", param, ctx)
        return seconds


def text(_context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse what the shell passed on although it is no text. A callback of options."""
    if value is not None and any("\ud800" <= char <= "\udfff" for char in value):
        raise click.BadParameter(f"{printable(value)} is not UTF-8 text", param=parameter)
    return value


def user() -> str:
    """Name the user who is logged in."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # no entry for it, as in a container
        return f"user {os.getuid()}"


def subject(code: str | None, owner: str | None) -> tuple[str, str]:
    """Make scope and subject of a command's code or owner. Raises ``click.UsageError``."""
    if (code is None) == (owner is None):
        raise click.UsageError("give either a code or --owner KEY")
    scope, key = ("image", str(code)) if owner is None else ("owner", owner)
    if not is_key(key):
        what = "a code" if scope == "image" else "an owner's key"
        hint = hint_for_code(key) if scope == "image" else ""
        raise click.UsageError(
            f"'{printable(key)}' is not {what}, which is 1 to 64 of A-Z a-z 0-9 _ - and nothing else{hint}"
        )
    return scope, key


def remark(line: str) -> None:
    """Print a line of what needs attention."""
    click.echo(line, err=True)
