"""`purger door`: listens for programs that order takedowns over HTTP."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from purger.cli.options.database_url import url_option
from purger.door.settings import DoorSettings
from takedown_base.log_format import set_up_logging
from takedown_base.options import address_type, log_format_option

_DEFAULTS = DoorSettings(database_url="", tokens=Path())

_EXAMPLES = """\b
Examples:
purger door --bind 127.0.0.1:8002 --tokens /etc/edge-takedown/door.toml
curl -H "Authorization: Bearer $TOKEN" --json '{"image": "kX3_vQ"}' \\
  'http://127.0.0.1:8002/takedowns?wait=10'"""


def _setting(flag: str, text: str, **options: Any) -> Callable[[Any], Any]:
    name = flag.removeprefix("--").replace("-", "_")
    return click.option(flag, envvar=f"PURGER_DOOR_{name.upper()}", show_envvar=True, help=text, **options)


@click.command(epilog=_EXAMPLES)
@url_option("--database-url", "PURGER_DOOR_DATABASE_URL", "the door's account", "takedown_door")
@_setting(
    "--tokens",
    "File of the clients: a table each, with the hashes of its tokens and what it may do (`purger door-token` makes "
    "one). Only its owner may write it. It is read again when it was replaced.",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
)
@_setting(
    "--bind",
    "Address on which programs connect; port 0 takes a free port. Anyone who reaches it sees tokens on their way: "
    "loopback, a network that you trust, or a TLS proxy in front.",
    type=address_type("127.0.0.1"),
    default=str(_DEFAULTS.bind),
    show_default=True,
)
@_setting(
    "--threads",
    "Requests that are answered at a time; each thread keeps a database connection. Half of them may wait for edges.",
    type=click.IntRange(2, 200),
    default=_DEFAULTS.threads,
    show_default=True,
)
@_setting(
    "--metrics",
    "Address on which monitoring finds /metrics (for Prometheus) and /healthz. A mere port is one of 127.0.0.1; port 0 "
    "takes a free one.",
    type=address_type("127.0.0.1"),
)
@log_format_option("PURGER_DOOR_LOG_FORMAT")
def door(log_format: str, **settings: Any) -> None:
    """Take takedowns from programs, over HTTP.

    Each is written before it is answered, with the client's name, and the answer says at which edges it is gone.
    GET /openapi.json describes the interface.

    SIGTERM or SIGINT ends the door once the present requests are answered; a second one ends it at once.
    """
    set_up_logging(log_format)
    from purger.door.clients import UnusableClientsError
    from purger.door.dialects.routes import dialect_routes
    from purger.door.listener import CannotListenError, listen

    try:
        listen(DoorSettings(**settings), dialect_routes)
    except (CannotListenError, UnusableClientsError) as error:
        raise click.ClickException(str(error)) from None
