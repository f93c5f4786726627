"""`origin serve`: serves images behind the edge."""

import sys
from pathlib import Path
from typing import Any

import click

from origin.added_headers import require_distinct
from origin.answering.answers import BANNED_STATUSES
from origin.answering.special_image import UnusableSpecialImageError
from origin.cli.options import HeaderType, database_url, in_place, own_store_unless_rules, setting
from origin.model import Header, Lifetimes
from origin.settings import ServeSettings, default_workers
from origin.start import serve
from origin.stores.location import Location
from origin.supervisor import CannotServeError
from takedown_base.log_format import set_up_logging
from takedown_base.options import address_type, log_format_option

_SECONDS = click.IntRange(min=1)

_DEFAULTS = ServeSettings(database_url="", store=Location("file:."))


def _distinct(_: click.Context, __: click.Parameter, headers: tuple[Header, ...]) -> tuple[Header, ...]:
    """Refuse headers that are named twice, or too long."""
    try:
        return require_distinct(headers)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


_EXAMPLES = """\b
Examples:
ORIGIN_DATABASE_URL_FILE=/etc/edge-takedown/origin-database-url origin serve --store /srv/images
origin serve --store s3://images/site --store-settings /etc/edge-takedown/bucket --listen 10.0.0.4:8000
origin serve --store /srv/images --banned-status 451 --header 'Timing-Allow-Origin: *'"""


@click.command("serve", epilog=_EXAMPLES)
@database_url("takedown_origin", remark=", which only reads")
@own_store_unless_rules
@in_place
@setting(
    "--replica",
    "Read from a replica of the database, which may lag. Edges refuse a replica's answers until it has the latest"
    " purge. While it lags, images that are not in the cache are answered 503 if their code or their owner ends in the"
    " same character as one just purged. An edge that the purger cannot reach shows a banned image for as much longer"
    " as the replica lags.",
    is_flag=True,
    default=_DEFAULTS.replica,
)
@setting(
    "--listen",
    "Address on which the edge connects to the origin; port 0 takes a free port.",
    type=address_type(),
    default=str(_DEFAULTS.listen),
)
@setting(
    "--workers",
    "Processes that share the port, since a Python process uses one processor at a time.",
    type=click.IntRange(1, 256),
    default=default_workers,
    show_default="one for each processor",
)
@setting(
    "--threads",
    "Requests that each process answers at a time; each thread keeps one database connection.",
    type=click.IntRange(1, 1000),
    default=_DEFAULTS.threads,
)
@setting(
    "--banned-status",
    "HTTP status of a banned image. With 200 the special image has validators like any other image.",
    type=click.Choice(BANNED_STATUSES),
    default=_DEFAULTS.banned_status,
)
@setting(
    "--special-image",
    "File of the image that is shown instead of a banned one; read once, at start. Without it, a grey drawing. Edges"
    " keep the former one for up to a day: `purger flush --all` ends that.",
    type=click.Path(dir_okay=False, path_type=Path),
)
@setting(
    "--rules",
    "File of rules (TOML) that say which URLs of the site's own server show an image, and which. With it the edge asks"
    " the origin for the verdict on such a URL, and the site's server for the bytes. Read once, at start.",
    type=click.Path(dir_okay=False, path_type=Path),
)
@setting(
    "--header",
    "Header to add to every answer, such as 'Access-Control-Allow-Origin: *'; may be repeated. In the environment one a"
    " line.",
    type=HeaderType(),
    multiple=True,
    callback=_distinct,
)
@setting(
    "--edge-lifetime",
    "Seconds that the edge keeps an image. A change purges it sooner.",
    type=_SECONDS,
    default=_DEFAULTS.lifetimes.full,
)
@setting(
    "--unknown-lifetime",
    "Seconds that the edge keeps a 404, which spares the database repeated guesses.",
    type=_SECONDS,
    default=_DEFAULTS.lifetimes.unknown,
)
@setting(
    "--undated-lifetime",
    "Seconds that the edge keeps an image that has no Last-Modified yet, since it will have one soon.",
    type=_SECONDS,
    default=_DEFAULTS.lifetimes.undated,
)
@setting(
    "--keep-alive",
    "Seconds that an idle connection stays open. Must be longer than at the edge (Varnish: backend_idle_timeout, 60 s),"
    " which would otherwise send requests on connections that the origin is closing.",
    type=_SECONDS,
    default=_DEFAULTS.keep_alive,
)
@setting(
    "--stall",
    "Seconds that a request may take to arrive, and seconds without progress after which a response is broken off.",
    type=_SECONDS,
    default=_DEFAULTS.stall,
)
@setting(
    "--drain",
    "Seconds that responses have to finish after SIGTERM; then they are cut off.",
    type=_SECONDS,
    default=_DEFAULTS.drain,
)
@setting(
    "--metrics",
    "Address on which monitoring finds /metrics (for Prometheus, of all processes together), /healthz and /readyz. A"
    " mere port is one of 127.0.0.1; port 0 takes a free one. Without it nothing is counted.",
    type=address_type("127.0.0.1"),
)
@setting(
    "--access-log",
    "File to which a line is appended for each request, in the format of web servers; - is stdout.",
    type=click.Path(dir_okay=False, allow_dash=True),
)
@log_format_option("ORIGIN_LOG_FORMAT")
def serve_command(
    edge_lifetime: int,
    unknown_lifetime: int,
    undated_lifetime: int,
    header: tuple[Header, ...],
    log_format: str,
    **settings: Any,
) -> None:
    """Serve the images.

    SIGTERM or SIGINT ends the origin once the present responses have been sent; a second one ends it at once.
    """
    if settings["store"] is None and settings["rules"] is None:
        raise click.UsageError("name the store of images with --store, or with --rules which URLs of a site show one")
    set_up_logging(log_format)
    lifetimes = Lifetimes(full=edge_lifetime, unknown=unknown_lifetime, undated=undated_lifetime)
    try:
        code = serve(ServeSettings(lifetimes=lifetimes, headers=header, **settings))
    except (CannotServeError, UnusableSpecialImageError) as error:
        raise click.ClickException(str(error)) from None
    sys.exit(code)
