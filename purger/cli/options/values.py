"""Defines options and checks of values that several commands take, and prints remarks on stderr."""

import getpass
import math
import os
from typing import Any

import click

from takedown_base.printable import printable

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs, instead of text.")


class Moment(click.DateTime):
    """A time in UTC, as `purger bans` and `purger receipts` print it, or with less of it."""

    def __init__(self) -> None:
        seconds = (f"%Y-%m-%dT%H:%M:%S{rest}" for rest in ("", "Z", ".%fZ"))
        super().__init__(["%Y-%m-%d", "%Y-%m-%dT%H:%M", *seconds])

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """Read a time. Fails with an example."""
        try:
            return super().convert(value, param, ctx)
        except click.BadParameter:
            self.fail(f"{value!a} is no time (UTC): write 2026-12-01 or 2026-12-01T18:30", param, ctx)


class WaitSeconds(click.FloatRange):
    """A time in seconds for which a command waits: from 0 to a year."""

    def __init__(self) -> None:
        super().__init__(min=0, max=365 * 86_400)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """Read a number of seconds. Fails for NaN, which no clock reaches."""
        seconds: float = super().convert(value, param, ctx)
        if math.isnan(seconds):
            self.fail(f"{value!r} is not a number", param, ctx)
        return seconds


def utf8_text(_context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Refuse bytes from the shell that are not UTF-8, which the database could not store. A callback of options."""
    if value is not None and any("\ud800" <= char <= "\udfff" for char in value):
        raise click.BadParameter(f"{printable(value)} is not UTF-8 text", param=parameter)
    return value


def logged_in_user() -> str:
    """Name the user who is logged in, by number where the system has no name for it, as in a container."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"


#: Prints the copies of a content, and nothing else.
as_csv = click.option(
    "--csv",
    "as_csv",
    is_flag=True,
    help="With --digest, --file or --same-as: print code, owner and URL of each copy as CSV, and nothing else, for "
    "letters to those who are hit.",
)


def remark(line: str) -> None:
    """Print a line for people on stderr, so that stdout holds only results."""
    click.echo(line, err=True)
