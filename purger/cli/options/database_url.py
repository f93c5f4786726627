"""Defines the options that take the database URL of an account."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from takedown_base.options import DatabaseUrlOption
from takedown_db.connection.errors import expecting

Command = TypeVar("Command", bound=Callable[..., Any])


def url_option(flag: str, envvar: str, whose: str, account: str | None = None) -> Callable[[Command], Command]:
    """Make the option that takes the database URL of one account, also from a file (``DatabaseUrlOption``).

    Without ``account`` it is an administrator's, of any name.
    """
    return click.option(
        flag,
        envvar=envvar,
        required=True,
        show_envvar=True,
        cls=DatabaseUrlOption,
        callback=expecting(account, envvar),
        metavar="URL",
        help=f"mysql://... of {whose}. Better in a file, whose path is in {envvar}_FILE: every user of the machine "
        "can read a command line.",
    )


database_url = url_option("--database-url", "PURGER_DATABASE_URL", "the purger's account", "takedown_purger")
moderation_url = url_option("--moderation-url", "PURGER_MODERATION_URL", "moderation's account", "takedown_moderation")
