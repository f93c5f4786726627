"""Runs ``origin import`` for its command line, shows its progress, and reports."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self, TextIO

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from origin.importing.catalogue import Catalogue
from origin.importing.decoder_process import Decoders
from origin.importing.entries import Entry, ImageEntries, directory_entries
from origin.importing.importer import Import, ImportCounts, MovedImage
from origin.importing.list import ImportList
from origin.importing.picture_intake import Intake
from origin.importing.rules import ImportRules, Stability
from origin.importing.sources import DirectoryTree, InPlaceSource, TreeSource
from origin.stores.backends import make_ready, open_backend
from origin.stores.location import Location
from origin.stores.store import open_store
from takedown_base.printable import printable
from takedown_db.connection.command_connection import connected
from takedown_db.connection.lasting_connection import Connection

#: The escapes of LOAD DATA INFILE for the names in the list of codes.
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\0": r"\0"})


@dataclass(frozen=True, slots=True)
class ImportRun:
    """The arguments of one run: files below ``directory`` or ``in_place``, all of them or those that are listed."""

    directory: Path | None
    in_place: Location | None
    listed: ImportList | None
    owner: str | None
    stability: Stability
    rules: ImportRules
    store: Location
    database_url: str
    codes_to: Path | None
    follow_symlinks: bool
    include_private: bool

    def run(self) -> ImportCounts:
        """Import all files.

        Raises ``OSError``, ``StoreAwayError`` and ``UnusableStoreError`` for the store, and ``click.ClickException``.
        """
        tree = DirectoryTree(self.directory or Path(), follow_symlinks=self.follow_symlinks)
        source = (
            InPlaceSource(open_backend(self.in_place))
            if self.in_place
            else TreeSource(tree, include_private=self.include_private)
        )
        make_ready(self.store)
        with (
            connected(Connection, self.database_url) as connection,
            Decoders(self.rules, self.rules.jobs) as decoders,
            ImportProgress(self.codes_to) as progress,
        ):
            with connection.cursor():
                pass  # before any file is read: the database may be away
            intake = Intake(open_store(self.store), self.rules, decoders)
            run = Import(source, intake, Catalogue(connection), self.rules, progress)
            try:
                run.run(self._entries(run, tree, progress))
            finally:
                progress.print_counts(run.outcome)
        return run.outcome

    def _entries(self, run: Import, tree: DirectoryTree, progress: "ImportProgress") -> Iterator[Entry]:
        if self.listed:
            return self.listed.entries(self.owner, self.stability, run.pass_over)
        files = tree.files(lambda path, reason: run.refuse(str(tree.root / path), reason))
        progress.expect(len(files))
        return directory_entries(tree, files, self.owner or "", self.stability, run.pass_over)


class ImportProgress:
    """Shows on stderr how far an import is and what it refuses, as it comes, and writes the list of codes."""

    def __init__(self, codes_to: Path | None) -> None:
        self._console = Console(stderr=True)
        columns = (
            TextColumn("importing"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TimeRemainingColumn(),
        )
        self._progress = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._task = self._progress.add_task("importing", total=None)
        self._codes_to = codes_to
        self._codes: TextIO | None = None
        self._closing = contextlib.ExitStack()

    def __enter__(self) -> Self:
        if self._codes_to:
            self._codes = self._closing.enter_context(self._codes_to.open("w", encoding="utf-8", newline="\n"))
        self._closing.enter_context(self._progress)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.__exit__(kind, error, traceback)

    def expect(self, total: int) -> None:
        """Take the number of files, where it is known."""
        self._progress.update(self._task, total=total)

    def advanced(self, files: int) -> None:
        """Count files that are dealt with."""
        self._progress.advance(self._task, files)

    def refused(self, place: str, reason: str) -> None:
        """Name a file that is not imported."""
        self._say(f"refused {printable(place)}: {printable(reason)}")

    def moved(self, move: MovedImage) -> None:
        """Name an image that was taken over from another owner."""
        end = f"; the ban of owner {printable(move.owner)} does not hide it any more" if move.was_banned else ""
        self._say(f"moved {move.code} here from owner {printable(move.owner)}{end}")

    def imported(self, image: ImageEntries) -> None:
        """Write the name and the code of an image that is recorded into the list of codes."""
        if self._codes:
            self._codes.write(f"{image.first.name.translate(_ESCAPES)}\t{image.code}\n")

    def print_counts(self, outcome: ImportCounts) -> None:
        """Print the counts, also of a run that ends with an error."""
        self._progress.stop()
        click.echo(
            f"{outcome.new} new, {outcome.changed} changed, {outcome.unchanged} unchanged, {outcome.refused} refused"
        )

    def _say(self, text: str) -> None:
        self._console.print(Text(text), soft_wrap=True)
