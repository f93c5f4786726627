"""Defines the command ``origin import``."""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from origin.cli.options import MomentType, NameType, database_url, store
from origin.cli.renditions import renditions_option
from origin.import_rules import ImportRules, Stability
from origin.stores.backends import UnusableStoreError, make_ready
from origin.stores.contract import StoreAwayError
from origin.stores.location import Location
from takedown_db.command_connection import connected
from takedown_db.connect import connect
from takedown_db.printable import printable

if TYPE_CHECKING:
    from origin.directory_tree import DirectoryTree
    from origin.importer import Import, Outcome

#: The exit code when some files were refused.
_DONE_IN_PART = 3

_DEFAULTS = ImportRules()


@click.command("import")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--owner", type=NameType("KEY"), required=True, help="The owner of these images, for bans by owner.")
@click.option(
    "--metadata",
    type=click.Choice(["strip", "keep"]),
    default="strip",
    show_default=True,
    help="Remove place, camera, comments and previews from the files, or keep them, where everybody can read them.",
)
@click.option(
    "--move", is_flag=True, help="Take over images of other owners. A ban of such an owner no longer hides them."
)
@click.option(
    "--stable-until",
    type=MomentType(),
    help="Let browsers show the images without asking the edge until then (UTC). No takedown reaches such copies.",
)
@click.option("--not-stable", is_flag=True, help="Withdraw an earlier --stable-until.")
@click.option("--follow-symlinks", is_flag=True, help="Import the files and directories that symbolic links lead to.")
@click.option("--include-private", is_flag=True, help="Import files that only their owner may read (mode 0600).")
@click.option(
    "--max-bytes",
    type=click.IntRange(min=1),
    default=_DEFAULTS.max_bytes,
    show_default=True,
    help="Bytes of the largest file that is imported. Keep it well below the cache of an edge: one larger file would"
    " push many others out.",
)
@click.option(
    "--max-pixels",
    type=click.IntRange(min=1),
    default=_DEFAULTS.max_pixels,
    show_default=True,
    help="Width times height of the largest picture that is imported; half of it for AVIF, a third for WebP. Each pixel"
    " takes up to 6 bytes of memory.",
)
@renditions_option
@database_url("account takedown_import", env="ORIGIN_IMPORT_DATABASE_URL")
@store()
def import_command(
    directory: Path,
    owner: str,
    stable_until: datetime | None,
    not_stable: bool,
    database_url: str,
    store: Location,
    **rules: Any,
) -> None:
    """Import the images below DIRECTORY.

    A file's name without its suffix is the image's code. JPEG, PNG, GIF, WebP and AVIF are kept without their metadata
    and otherwise unchanged, and a thumbnail of each is made. Files that did not change since an earlier import are
    skipped; a changed one replaces the image with its code, at the edges too. Files that cannot be imported are listed
    at the end; the exit code is 3 then.
    """
    if stable_until and not_stable:
        raise click.UsageError("--stable-until and --not-stable exclude each other")
    try:
        from origin.importer import Import
    except ModuleNotFoundError as error:
        if error.name != "PIL":
            raise
        raise click.ClickException(
            "importing needs Pillow, which serving does not: pip install 'edge-takedown[import]'"
        ) from None
    from origin.directory_tree import DirectoryTree
    from origin.import_catalogue import Catalogue
    from origin.store import open_store

    stability = Stability(change=not_stable or stable_until is not None, until=stable_until)
    tree = DirectoryTree(directory, follow_symlinks=rules.pop("follow_symlinks"))
    taken = ImportRules(stability=stability, strip=rules.pop("metadata") == "strip", **rules)
    try:
        make_ready(store)
        with connected(connect, database_url) as connection:
            _run(Import(tree, open_store(store), Catalogue(connection), owner, taken), tree)
    except OSError as error:
        raise click.ClickException(f"{printable(error.filename or store)}: {error.strerror or error}") from None
    except (StoreAwayError, UnusableStoreError) as error:
        raise click.ClickException(str(error)) from None


def _run(run: "Import", tree: "DirectoryTree") -> None:
    """Run the import under a progress bar and report the outcome, also after an error."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    files = tree.files(run.refuse)
    columns = (TextColumn("importing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("importing", total=len(files))
            run.run(files, lambda: progress.advance(task))
    finally:
        _tell(run.outcome)
    sys.exit(_DONE_IN_PART if run.outcome.refused else 0)


def _tell(outcome: "Outcome") -> None:
    for move in outcome.moved:
        end = f"; the ban of owner {printable(move.owner)} does not hide it any more" if move.was_banned else ""
        click.echo(f"moved {move.code} here from owner {printable(move.owner)}{end}", err=True)
    for path, reason in outcome.refused:
        click.echo(f"refused {printable(path)}: {printable(reason)}", err=True)
    click.echo(
        f"{outcome.new} new, {outcome.changed} changed, {outcome.unchanged} unchanged, {len(outcome.refused)} refused"
    )
