"""`origin ingest`: listens for uploads of a site's own programs."""

from functools import partial
from pathlib import Path
from typing import Any

import click

from origin.cli.options import database_url, own_store, setting
from origin.cli.picture_options import picture_options
from origin.importing.rules import ImportRules
from origin.ingest.settings import IngestSettings
from origin.settings import default_workers
from origin.stores.backends import UnusableStoreError
from origin.stores.contract import StoreAwayError
from origin.stores.location import Location
from takedown_base.log_format import set_up_logging
from takedown_base.options import address_type, log_format_option
from takedown_base.printable import printable
from takedown_db.connection.command_connection import UnusableUrlOptionError
from takedown_db.connection.url import UnusableUrlError

_SECONDS = click.IntRange(min=1)

_DEFAULTS = IngestSettings(database_url="", store=Location("file:."), token_file=Path())

_setting = partial(setting, prefix="ORIGIN_INGEST_")

_EXAMPLES = """\b
Examples:
origin ingest --token-file /etc/takedown/ingest.token --store file:/srv/images
curl -T cat.jpg -H "Authorization: Bearer $TOKEN" -H 'Takedown-Owner: ann' \\
  http://127.0.0.1:8001/images/cat-1"""


@click.command("ingest", epilog=_EXAMPLES)
@database_url("takedown_import", env="ORIGIN_IMPORT_DATABASE_URL")
@own_store
@_setting(
    "--token-file",
    "File with the token that each request needs (Authorization: Bearer TOKEN), on its first line; a second line may"
    " hold another one, to change tokens without a refused request. It is read again when it was replaced.",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
)
@_setting(
    "--listen",
    "Address on which the site's programs connect; port 0 takes a free port. Anyone who reaches it sees tokens and"
    " pictures on their way: loopback, or a network that you trust.",
    type=address_type(),
    default=str(_DEFAULTS.listen),
)
@_setting(
    "--threads",
    "Requests that are received at a time; each thread keeps one database connection.",
    type=click.IntRange(1, 1000),
    default=_DEFAULTS.threads,
)
@_setting(
    "--decoders",
    "Pictures that are held in memory as a whole, and decoded, at a time. Each takes memory for --max-bytes and"
    " --max-pixels.",
    type=click.IntRange(1, 64),
    default=default_workers,
    show_default="one for each processor",
)
@_setting(
    "--body-time",
    "Seconds that the body of an upload may take in all. Slow uploads would otherwise hold every thread.",
    type=_SECONDS,
    default=_DEFAULTS.body_time,
)
@_setting("--keep-alive", "Seconds that an idle connection stays open.", type=_SECONDS, default=_DEFAULTS.keep_alive)
@_setting(
    "--stall",
    "Seconds that the head of a request may take to arrive, and seconds without progress after which a body or response"
    " is broken off.",
    type=_SECONDS,
    default=_DEFAULTS.stall,
)
@_setting(
    "--drain",
    "Seconds that uploads have to finish after SIGTERM; then they are cut off.",
    type=_SECONDS,
    default=_DEFAULTS.drain,
)
@log_format_option("ORIGIN_INGEST_LOG_FORMAT")
@picture_options("ORIGIN_INGEST_")
def ingest_command(rules: ImportRules, log_format: str, **settings: Any) -> None:
    """Take uploads from the site's own programs, by PUT.

    Each upload is stored and recorded before it is answered. Banned content is refused with 451.

    SIGTERM or SIGINT ends the listener once the present uploads are answered; a second one ends it at once.
    """
    set_up_logging(log_format)
    from origin.ingest.listener import CannotIngestError, listen
    from origin.ingest.tokens import UnusableTokenError

    try:
        listen(IngestSettings(rules=rules, **settings))
    except UnusableUrlError as error:
        raise UnusableUrlOptionError(str(error)) from None
    except (CannotIngestError, UnusableTokenError, UnusableStoreError, StoreAwayError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        place = printable(error.filename or settings["store"])
        raise click.ClickException(f"{place}: {error.strerror or error}") from None
