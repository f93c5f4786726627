"""Defines the option for the format of a program's log, for both command lines."""

from collections.abc import Callable
from typing import Any

import click

from takedown_base.log_format import FORMATS


def log_format_option(envvar: str) -> Callable[[Any], Any]:
    """Declare ``--log-format``, which can also be set by the variable ``envvar``."""
    return click.option(
        "--log-format",
        type=click.Choice(FORMATS),
        default=FORMATS[0],
        envvar=envvar,
        show_default=True,
        show_envvar=True,
        help="Log one line an event as text, for people, or as JSON, for machines.",
    )
