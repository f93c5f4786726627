"""`origin erase`: destroys the bytes of images that are banned by their content, on record."""

import sys

import click

from origin.cli.options import CODE, database_url, in_place, own_store
from origin.row_checks import MalformedRecordError
from origin.stores.backends import UnusableStoreError, require_usable
from origin.stores.contract import StoreAwayError
from origin.stores.erasure import ErasurePlan, ErasureResult, ErasureRun, RefusedErasureError
from origin.stores.location import Location
from origin.stores.store import open_store
from takedown_base.content_names import NAME_ALPHABET, is_content_name, padded_name
from takedown_base.options import Parsed
from takedown_base.printable import printable
from takedown_db.connection.command_connection import connected
from takedown_db.connection.connect import connect

#: The exit code when a file was not erased: another image that is not banned has it, or it was not found.
_KEPT = 3

_EXAMPLES = """\b
Examples:
origin erase kX3_vQ
origin erase --digest 5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9 --yes"""


def _digest(text: str) -> str:
    if not is_content_name(text.lower()):
        raise ValueError(f"{text!a} is not {NAME_ALPHABET}")
    return padded_name(text.lower())


@click.command("erase", epilog=_EXAMPLES)
@click.argument("code", type=CODE, required=False)
@click.option(
    "--digest",
    type=Parsed("DIGEST", _digest),
    help="A hash of the content, instead of a code: all originals with it go.",
)
@click.option("--yes", is_flag=True, help="Do not ask.")
@database_url("takedown_erase", env="ORIGIN_ERASE_DATABASE_URL")
@own_store
@in_place
def erase_command(
    code: str | None, digest: str | None, yes: bool, database_url: str, store: Location, in_place: Location | None
) -> None:
    """Destroy the bytes of an image that is banned by its content, for good.

    Deletes the original and all renditions of every image with the same original, from the own store and from the tree
    in place, and records it. Refuses while no open ban by digest names these bytes (`purger ban --same-as CODE`), since
    they could be uploaded again. A file that another image shares stays, and so does one in place that has other bytes
    by now; the exit code is 3 then, as for a file that is not found. A lift does not bring erased bytes back. To keep
    what a law demands to be kept, ban and do not erase.
    """
    if (code is None) == (digest is None):
        raise click.UsageError("name an image, as CODE or by --digest")
    try:
        require_usable(store, in_place)
        with connected(connect, database_url) as connection, connection.cursor() as cursor:
            erasure = ErasureRun(cursor, open_store(store, in_place))
            originals = erasure.originals_named(digest) if digest else [erasure.original_of(str(code))]
            plans = [erasure.plan(each, code) for each in originals]
            for plan in plans:
                _announce(plan)
            if not yes:
                click.confirm("Destroy them for good?", abort=True, err=True)
            kept = False
            for plan in plans:
                result = erasure.carry_out(plan, click.echo)
                _sum_up(plan, result)
                kept = kept or bool(result.kept)
    except OSError as error:
        raise click.ClickException(f"{printable(error.filename or store)}: {error.strerror or error}") from None
    except (MalformedRecordError, RefusedErasureError, StoreAwayError, UnusableStoreError) as error:
        raise click.ClickException(str(error)) from None
    sys.exit(_KEPT if kept else 0)


def _announce(plan: ErasurePlan) -> None:
    going = [file for file in plan.files if file.shared_by is None]
    click.echo(
        f"original {plan.original}, banned by ban {plan.ban}: {plan.images} images, up to {len(going)} files", err=True
    )


def _sum_up(plan: ErasurePlan, result: ErasureResult) -> None:
    parts = [f"{len(result.erased)} files erased", f"{len(result.kept)} not"]
    if result.absent:
        parts.append(f"{len(result.absent)} erased before")
    click.echo(f"{', '.join(parts)}. {plan.original} stays banned; a lift brings no erased byte back")
