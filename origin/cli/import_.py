"""`origin import`: takes the files of a directory, of a list or of a tree in place into the store and the database."""

import sys
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import click

from origin.cli.options import OWNER, STORE, database_url, in_place_settings, own_store
from origin.cli.picture_options import picture_options
from origin.importing.list import ImportList, UnusableListError
from origin.importing.rules import ImportRules, Stability, parse_moment
from origin.stores.backends import UnusableStoreError
from origin.stores.contract import StoreAwayError
from origin.stores.location import Location
from takedown_base.options import Parsed
from takedown_base.printable import printable

#: The exit code when some files were refused.
_DONE_IN_PART = 3

_EXAMPLES = """\b
Examples:
origin import /srv/images --owner ann
mysql -B --quick -e 'SELECT id AS code, file_path AS path, user_id AS owner FROM pictures' site |
  origin import --from - --in-place file:/srv/pictures"""


@click.command("import", epilog=_EXAMPLES)
@click.argument("directory", type=click.Path(exists=True, file_okay=False, path_type=Path), required=False)
@click.option(
    "--owner",
    type=OWNER,
    help="Key of the owner of these images, for bans by owner. Required, unless the list has a column owner.",
)
@click.option(
    "--from",
    "list_",
    metavar="FILE",
    type=click.File("rb"),
    help="List of the files to import; - for the standard input. Its first line names the columns, with tabs (as `mysql"
    " -B` writes it) or commas between them: code and path (or key), and if wanted rendition, owner, stable_until.",
)
@click.option(
    "--in-place",
    type=STORE,
    help="The site's own tree of images, or its bucket: the paths of the list are below it, and nothing is copied."
    " `origin serve` needs the same --in-place.",
)
@in_place_settings
@click.option(
    "--codes-to",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to write the name and the code of each image to, with a tab between them, as LOAD DATA INFILE reads it.",
)
@click.option(
    "--move", is_flag=True, help="Take over images of other owners. A ban of such an owner no longer hides them."
)
@click.option(
    "--stable-until",
    type=Parsed("DATE", parse_moment),
    help="Let browsers show the images without asking the edge until then (UTC). No takedown reaches such copies.",
)
@click.option("--not-stable", is_flag=True, help="Withdraw an earlier --stable-until.")
@click.option("--follow-symlinks", is_flag=True, help="Import the files and directories that symbolic links lead to.")
@click.option("--include-private", is_flag=True, help="Import files that only their owner may read (mode 0600).")
@click.option(
    "--trust-size",
    is_flag=True,
    help="Skip files in place whose path and size are the recorded ones, without reading them.",
)
@click.option(
    "--jobs",
    type=click.IntRange(1, 64),
    default=ImportRules().jobs,
    show_default=True,
    help="Files that are read and decoded at a time. Each takes memory for --max-bytes and --max-pixels.",
)
@picture_options("ORIGIN_IMPORT_")
@database_url("takedown_import", env="ORIGIN_IMPORT_DATABASE_URL")
@own_store
def import_command(
    directory: Path | None,
    list_: BinaryIO | None,
    owner: str | None,
    in_place: Location | None,
    stable_until: datetime | None,
    not_stable: bool,
    rules: ImportRules,
    **options: Any,
) -> None:
    """Import the images below DIRECTORY, or the images of a list.

    A file's name without its suffix is the image's code. JPEG, PNG, GIF, WebP and AVIF are kept without their metadata
    and otherwise unchanged, and reduced renditions of each are made. Files that did not change since an earlier import
    are skipped; a changed one replaces the image with its code, at the edges too. Files that cannot be imported are
    named as they come; the exit code is 3 then.

    With --from a list says which image each file below DIRECTORY, or below the root of --in-place, is. A name that is
    no code gets one: the base64url of its UTF-8 without padding up to 48 bytes, else its SHA-256 in hex.
    """
    if stable_until and not_stable:
        raise click.UsageError("--stable-until and --not-stable exclude each other")
    _require_files(directory, list_, in_place, owner, trust_size=options["trust_size"])
    from origin.cli.import_run import ImportRun

    listed = _read_list(list_, owner) if list_ else None
    stability = Stability(change=not_stable or stable_until is not None, until=stable_until)
    rules = replace(rules, **{name: options.pop(name) for name in ("move", "trust_size", "jobs")})
    run = ImportRun(directory, in_place, listed, owner, stability, rules, **options)
    try:
        outcome = run.run()
    except OSError as error:
        raise click.ClickException(f"{printable(error.filename or run.store)}: {error.strerror or error}") from None
    except (StoreAwayError, UnusableStoreError) as error:
        raise click.ClickException(str(error)) from None
    sys.exit(_DONE_IN_PART if outcome.refused else 0)


def _read_list(file: BinaryIO, owner: str | None) -> ImportList:
    """Read the head of a list. Raises ``click.UsageError`` for one that is malformed or names no owner."""
    try:
        listed = ImportList(file)
    except UnusableListError as error:
        raise click.UsageError(str(error)) from None
    if not listed.has_owners and owner is None:
        raise click.UsageError("the list has no column owner: --owner has to name the owner of its images")
    return listed


def _require_files(
    directory: Path | None, list_: BinaryIO | None, in_place: Location | None, owner: str | None, *, trust_size: bool
) -> None:
    """Raise ``click.UsageError`` where the options do not say which files to import, and whose they are."""
    if (directory is None) == (in_place is None):
        raise click.UsageError("either DIRECTORY or --in-place has to say where the files are")
    if list_ is None and in_place is not None:
        raise click.UsageError("--in-place needs a list of its files: --from FILE")
    if list_ is None and owner is None:
        raise click.UsageError("--owner has to name the owner of the images")
    if trust_size and in_place is None:
        raise click.UsageError("--trust-size is for files in place: others have to be read")
