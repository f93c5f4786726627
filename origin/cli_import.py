"""The command ``origin import``."""

import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from origin.options import DIRECTORY, MomentType, NameType, connected, database_url, setting

if TYPE_CHECKING:
    from origin.importing import Import

_DONE_IN_PART = 3


@click.command("import")
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--owner", type=NameType("KEY"), required=True, help="Whose images these are.")
@click.option("--stable-until", type=MomentType(), help="Until then browsers may keep the images unasked (UTC).")
@click.option("--not-stable", is_flag=True, help="Take back an earlier --stable-until.")
@database_url("account takedown_import", env="ORIGIN_IMPORT_DATABASE_URL")
@setting("--files", "The store; it is made if it is not there.", required=True, type=DIRECTORY)
def import_command(
    directory: Path, owner: str, stable_until: datetime | None, not_stable: bool, database_url: str, files: Path
) -> None:
    """Import the images below DIRECTORY.

    A file's name without its suffix is the image's code. JPEG, PNG, GIF, WebP and AVIF are kept as they are, and a
    thumbnail of each is made. What is the same as at an earlier import is passed over; what is not replaces the image
    with that code, at the edges too. Files that cannot be imported are listed at the end; the exit code is 3 then.
    """
    if stable_until and not_stable:
        raise click.UsageError("--stable-until and --not-stable exclude each other")
    try:
        from origin.importing import Import, Stability
    except ModuleNotFoundError as error:
        if error.name != "PIL":
            raise
        raise click.ClickException(
            "importing needs Pillow, which serving does not: pip install 'edge-takedown[import]'"
        ) from None
    from origin.catalogue import Catalogue
    from origin.store import Store

    stability = Stability(change=not_stable or stable_until is not None, until=stable_until)
    try:
        files.mkdir(parents=True, exist_ok=True)
        with connected(database_url) as connection:
            _run(Import(Store(files), Catalogue(connection), owner, stability), directory)
    except OSError as error:
        raise click.ClickException(f"{error.filename or files}: {error.strerror or error}") from None


def _run(run: "Import", directory: Path) -> None:
    """Run it under a progress bar and tell what it did, also where it ends early."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from origin.importing import find_files

    files = find_files(directory, lambda error: run.refuse(Path(error.filename), f"cannot be read: {error.strerror}"))
    columns = (TextColumn("importing"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    outcome = run.outcome
    try:
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("importing", total=len(files))
            run.run(files, lambda: progress.advance(task))
    finally:
        for code, owner in outcome.moved:
            click.echo(f"moved {code} here from owner {owner}", err=True)
        for path, reason in outcome.refused:
            click.echo(f"refused {_shown(path)}: {reason}", err=True)
        click.echo(
            f"{outcome.new} new, {outcome.changed} changed, {outcome.unchanged} unchanged,"
            f" {len(outcome.refused)} refused"
        )
    sys.exit(_DONE_IN_PART if outcome.refused else 0)


def _shown(path: Path) -> str:
    """The path on one line. A file's name may hold line breaks and a terminal's commands, and be no text at all."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in str(path))
