"""Connects one command to the database until it ends, and turns database errors into its message and exit code."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Protocol, TypeVar

import click
import mysql.connector

from takedown_db.connection.errors import DatabaseUnavailableError, explain
from takedown_db.connection.url import UnusableUrlError

#: Seconds to wait for the database: a person waits for the command, and no client does.
TIMEOUT = 10


class _Closable(Protocol):
    def close(self) -> object: ...


Opened = TypeVar("Opened", bound=_Closable)


class UnusableUrlOptionError(click.ClickException):
    """Ends a command whose database URL is malformed, with exit code 2. The text names the fault."""

    exit_code = 2


@contextmanager
def connected(connect: Callable[..., Opened], url: str) -> Iterator[Opened]:
    """Open a connection by ``connect(url, timeout=seconds)`` and close it after the block.

    Raises ``UnusableUrlOptionError`` for a malformed URL (exit code 2), and ``click.ClickException`` for an error of
    the database (exit code 1).
    """
    try:
        with closing(connect(url, timeout=TIMEOUT)) as connection:
            yield connection
    except UnusableUrlError as error:
        raise UnusableUrlOptionError(str(error)) from None
    except DatabaseUnavailableError as error:
        raise click.ClickException(f"the database is unusable: {error}") from error
    except mysql.connector.Error as error:
        raise click.ClickException(explain(error)) from None
