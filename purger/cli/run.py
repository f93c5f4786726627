"""`purger run`: delivers changes to the edges until it is stopped."""

import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import click

from purger.cli.options.console import console_options
from purger.cli.options.database_url import database_url
from purger.console.users.settings import ConsoleSettings
from purger.service import CannotListenError
from purger.service import run as run_service
from purger.settings import Settings
from purger.signed_log.keys import LogKey, UnusableKeyError, read_key
from takedown_base.log_format import set_up_logging
from takedown_base.options import address_type, log_format_option
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection

#: The defaults of all options.
_DEFAULTS = Settings(database_url="")

#: The most days that an option takes: a century.
_MOST_DAYS = 36_500


def _seconds(name: str, text: str) -> Callable[[Any], Any]:
    """Make the option for a setting in seconds."""
    return _setting(name, f"Seconds {text}", click.FloatRange(min=0, min_open=True))


def _days(name: str, text: str) -> Callable[[Any], Any]:
    """Make the option for a setting in days."""
    return _setting(name, f"Days {text}", click.IntRange(min=1, max=_MOST_DAYS))


def _setting(name: str, text: str, value_type: click.ParamType[Any]) -> Callable[[Any], Any]:
    return click.option(
        "--" + name.replace("_", "-"),
        name,
        type=value_type,
        default=getattr(_DEFAULTS, name),
        envvar="PURGER_" + name.upper(),
        show_default=True,
        show_envvar=True,
        help=text,
    )


_EXAMPLES = """\b
Examples:
PURGER_DATABASE_URL_FILE=/etc/edge-takedown/purger-database-url purger run
purger run --heartbeat-interval 0.5 --retention-days 60"""


@click.command(epilog=_EXAMPLES)
@database_url
@_seconds(
    "poll_interval",
    "between two polls of the outbox. A ban waits for half of it on average; at 1 ms the database server uses about "
    "7 % of a core.",
)
@_seconds(
    "heartbeat_interval",
    "between two heartbeats to an edge. Keep it well under the edge's lease (10 s), so that a few may be lost before "
    "the edge stops trusting its cache.",
)
@_seconds(
    "rebound_delay",
    "until the first rebound, which sends each purge again: removes what a fetch that was under way stored after the "
    "purge. Keep it under a second, the time within which a ban is to be in effect.",
)
@_seconds(
    "later_rebound_delay",
    "until the second rebound of each purge, for a thread of varnishd that was held up for so long and then stored an "
    "old answer.",
)
@_seconds(
    "last_rebound_delay",
    "until the last rebound of each purge, for a thread of varnishd that was held up for longer.",
)
@_seconds(
    "connect_timeout",
    "to wait for a connection to an edge. It is unreachable after that: its purges wait, and those of others do not.",
)
@_seconds(
    "read_timeout",
    "to wait for the whole answer to one request. An edge answers in a millisecond; one that takes longer than this is "
    "treated like one that is away.",
)
@_seconds(
    "retry_longest",
    "between two attempts at an edge that fails, at most. An edge that is back gets its purges after so many at the "
    "latest.",
)
@_seconds(
    "prune_interval",
    "between two prunings of the outbox. Shorter intervals keep each of them small, so that bans do not wait.",
)
@_seconds(
    "audit_interval",
    "between two audits of a small sample of banned codes. Each code costs every edge several requests.",
)
@_days(
    "retention_days",
    "for which changes of images stay in the outbox. An edge that was away for longer is flushed, as what it missed is "
    "forgotten; more days take more space.",
)
@_days(
    "receipt_retention_days",
    "for which bans and lifts stay in the outbox with their receipts, which `purger receipts` shows: more than a year, "
    "so that a court can ask for them.",
)
@click.option(
    "--log-key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="PURGER_LOG_KEY_FILE",
    show_envvar=True,
    help="Write a log of takedowns, signed with the key in this file, of `purger key`, so that `purger prove` can "
    "prove them to strangers.  [default: no log]",
)
@console_options
@click.option(
    "--metrics",
    type=address_type("127.0.0.1"),
    envvar="PURGER_METRICS",
    show_envvar=True,
    help="Address on which monitoring finds /metrics (for Prometheus), /healthz and /readyz. A mere port is one of "
    "127.0.0.1; port 0 takes a free one.",
)
@log_format_option("PURGER_LOG_FORMAT")
@click.option(
    "--verbose", is_flag=True, help="Log failed attempts and their retries too, to find out why an edge waits."
)
def run(
    verbose: bool, log_format: str, log_key_file: Path | None, console: ConsoleSettings | None, **values: Any
) -> None:
    """Deliver changes to every edge until SIGTERM or SIGINT: number them, send purges and heartbeats, keep receipts."""
    set_up_logging(log_format, logging.DEBUG if verbose else logging.INFO)
    # urllib3 logs a traceback as a warning for each answer with malformed headers.
    logging.getLogger("urllib3").setLevel(logging.ERROR)
    settings = Settings(**values)
    log_key = _log_key(log_key_file)
    _require_usable(settings)
    try:
        run_service(settings, console=console, log_key=log_key)
    except CannotListenError as error:
        raise click.ClickException(str(error)) from None


def _log_key(file: Path | None) -> LogKey | None:
    """Read the key that signs the log. Raises ``click.UsageError``."""
    try:
        return read_key(file) if file else None
    except UnusableKeyError as error:
        raise click.UsageError(str(error)) from None


def _require_usable(settings: Settings) -> None:
    """Raise ``UnusableUrlError`` for a URL that can never work. A database that is away is waited for."""
    connection = Connection(settings.database_url, timeout=settings.database_timeout)
    with suppress(DatabaseUnavailableError):
        connection.rows("outbox_head")
    connection.close()
