"""The command line ``origin``."""

import logging
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from origin.answers import BANNED_STATUSES, Lifetimes
from origin.serve import CannotServeError, serve
from origin.settings import Address, Settings, default_workers, parse_address
from origin.special import UnusableSpecialImageError

Command = TypeVar("Command", bound=Callable[..., Any])

_DIRECTORY = click.Path(file_okay=False, path_type=Path)
_FILE = click.Path(dir_okay=False, path_type=Path)
_SECONDS = click.IntRange(min=1)


class _AddressType(click.ParamType[Address]):
    name = "HOST:PORT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Address:
        try:
            return value if isinstance(value, Address) else parse_address(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def _setting(flag: str, help_: str, **attributes: Any) -> Callable[[Command], Command]:
    """An option that can also be set in the environment, as ORIGIN_ and its name."""
    name = "ORIGIN_" + flag.removeprefix("--").replace("-", "_").upper()
    attributes.setdefault("show_default", attributes.get("default") is not None)
    return click.option(flag, envvar=name, show_envvar=True, help=help_, **attributes)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="edge-takedown")
def main() -> None:
    """Serve images that can be taken down at once: the origin behind the edge."""
    logging.basicConfig(
        stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s[%(process)d]: %(message)s"
    )
    logging.getLogger("mysql.connector").setLevel(logging.WARNING)


@main.command("serve")
@_setting(
    "--database-url",
    "mysql://user:password@host/name (for a socket, localhost and ?unix_socket=PATH); account takedown_origin, which"
    " only reads.",
    required=True,
    metavar="URL",
)
@_setting("--files", "The store that `origin import` fills.", required=True, type=_DIRECTORY)
@_setting(
    "--listen",
    "Where the edge finds the origin; port 0 takes a free one.",
    type=_AddressType(),
    default="127.0.0.1:8000",
)
@_setting(
    "--workers",
    "Processes that share the port, since Python keeps but one processor busy.",
    type=click.IntRange(1, 256),
    default=default_workers,
    show_default="one for each processor",
)
@_setting(
    "--threads",
    "Requests that each process works on at a time; each thread keeps one database connection.",
    type=click.IntRange(1, 1000),
    default=8,
)
@_setting(
    "--banned-status",
    "Status of a banned image. With 200 the special image has validators, as any other image has.",
    type=click.Choice(BANNED_STATUSES),
    default=410,
)
@_setting(
    "--special-image",
    "Shown in the place of a banned image; read once, at start. Without it, a grey drawing.",
    type=_FILE,
)
@_setting(
    "--edge-lifetime",
    "Seconds that the edge keeps an image; whatever changes is purged sooner.",
    type=_SECONDS,
    default=86400,
)
@_setting(
    "--unknown-lifetime",
    "Seconds that the edge keeps a 404, which spares the database repeated guesses.",
    type=_SECONDS,
    default=60,
)
@_setting(
    "--undated-lifetime",
    "Seconds that the edge keeps an image that has no Last-Modified yet, since it will have one soon.",
    type=_SECONDS,
    default=2,
)
@_setting(
    "--keep-alive",
    "Seconds that an idle connection stays open. To be longer than at the edge (Varnish: backend_idle_timeout, 60 s),"
    " which would else send requests on connections that are just being closed.",
    type=_SECONDS,
    default=75,
)
@_setting(
    "--stall",
    "Seconds without any progress after which a connection is given up in the middle of a request or response.",
    type=_SECONDS,
    default=10,
)
@_setting(
    "--drain",
    "Seconds that responses have to end when the origin is told to stop; then they are cut off.",
    type=_SECONDS,
    default=30,
)
def serve_command(edge_lifetime: int, unknown_lifetime: int, undated_lifetime: int, **settings: Any) -> None:
    """Serve the images.

    SIGTERM or SIGINT ends it once what is being sent has been sent; a second one ends it at once.
    """
    lifetimes = Lifetimes(full=edge_lifetime, unknown=unknown_lifetime, undated=undated_lifetime)
    try:
        code = serve(Settings(lifetimes=lifetimes, **settings))
    except (CannotServeError, UnusableSpecialImageError) as error:
        raise click.ClickException(str(error)) from None
    sys.exit(code)
