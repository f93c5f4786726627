"""What several commands share."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

import click

from takedown_db.connection import Connection
from takedown_db.errors import DatabaseUnavailableError
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


@contextmanager
def connected(url: str, timeout: int = 10) -> Iterator[Connection]:
    """A connection for one command; the database being away ends it with exit code 1."""
    connection = Connection(url, timeout=timeout)
    try:
        yield connection
    except DatabaseUnavailableError as error:
        raise click.ClickException(f"the database is unusable: {error}") from error
    finally:
        connection.close()


def print_json(value: object) -> None:
    """Print ``value`` as JSON; times are UTC."""
    click.echo(json.dumps(value, indent=2, default=_plain))


def utc(moment: datetime | None) -> str | None:
    """A time from the database as ISO 8601 in UTC, to the millisecond."""
    return moment.isoformat(timespec="milliseconds") + "Z" if moment else None


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return str(utc(value))
    raise TypeError(f"{type(value).__name__} is not JSON")
