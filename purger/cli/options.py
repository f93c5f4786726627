"""What several commands share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from takedown_db.url_option import DatabaseUrlOption

Command = TypeVar("Command", bound=Callable[..., Any])


def url_option(flag: str, envvar: str, account: str, *, required: bool = True) -> Callable[[Command], Command]:
    """Make the option that takes the database URL of one account, also from files (``DatabaseUrlOption``)."""
    return click.option(
        flag,
        envvar=envvar,
        required=required,
        show_envvar=True,
        cls=DatabaseUrlOption,
        metavar="URL",
        help=f"mysql://... of {account}. Better in a file, whose path is in {envvar}_FILE.",
    )


database_url = url_option("--database-url", "PURGER_DATABASE_URL", "the purger's account")

as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
