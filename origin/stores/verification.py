"""Reads files of renditions back from their stores, and compares them with their rows."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from mysql.connector.abstracts import MySQLCursorAbstract

from origin.model import ByteRange, FilePart
from origin.row_checks import MalformedRecordError, require_well_formed_rendition
from origin.stores.contract import DamagedFileError
from origin.stores.store import Store
from takedown_base.content_names import FileNames
from takedown_db.connection.lasting_connection import fetch

#: Files that are read at a time: an object store answers each after a delay, and a disk orders waiting reads.
_AT_A_TIME = 8

#: Damaged files that are listed; all are counted. A store that has lost everything must not fill the memory.
LISTED = 10_000

#: Renditions of the largest sample: it is read at once.
LARGEST_SAMPLE = 100_000


class Recorded(NamedTuple):
    """A row of the statements ``renditions_page`` and ``renditions_sample``, its columns in their order."""

    code: str
    name: str
    digest: str
    size: int
    path: str | None

    @property
    def part(self) -> FilePart:
        """The whole file."""
        return FilePart(self.digest, self.size, ByteRange(0, self.size), self.path)


@dataclass(frozen=True, slots=True)
class Damage:
    """A file that differs from its row, or a malformed row. ``problem``: see docs/guide/stores.md, "Verifying"."""

    code: str
    rendition: str
    problem: str
    detail: str


@dataclass(slots=True)
class VerificationReport:
    """The result of a verification. ``damaged`` counts all damaged files, and ``list`` has the first ``LISTED``."""

    verified: int = 0
    bytes: int = 0
    erased: int = 0
    damaged: Counter[str] = field(default_factory=Counter)
    list: "list[Damage]" = field(default_factory=list)


class VerificationRun:
    """One run of ``origin verify``, by the account takedown_origin. Raises ``mysql.connector.Error``."""

    def __init__(
        self, cursor: MySQLCursorAbstract, store: Store, name: Callable[[Iterable[bytes]], FileNames] | None = None
    ) -> None:
        """With ``name``, which reads a file and names it, read only originals that lack names, and record these."""
        self._cursor = cursor
        self._store = store
        self._name = name
        self._statements = (
            ("count_renditions", "renditions_page") if name is None else ("count_nameless", "nameless_page")
        )

    def count(self) -> int:
        """Count the renditions to read."""
        ((number,),) = fetch(self._cursor, self._statements[0])
        return int(number)

    def run(
        self, sample: int | None, advance: Callable[[], object], report_damage: Callable[[Damage], object]
    ) -> VerificationReport:
        """Verify all renditions, or ``sample`` of them at random.

        Calls ``advance`` after each, and ``report_damage`` for a damaged one. Raises ``StoreAwayError`` where a store
        is away: nothing is known about the rest then.
        """
        report = VerificationReport()
        with ThreadPoolExecutor(_AT_A_TIME) as pool:
            for page in self._pages(sample):
                named = []
                for recorded, (damage, names) in zip(page, pool.map(self._read, page), strict=True):
                    self._count(report, recorded, damage, report_damage)
                    if names is not None:
                        named.append(names)
                    advance()
                if named:
                    # It also marks each original with these bytes as named.
                    fetch(self._cursor, "record_contents", files=json.dumps(named))
        return report

    def _pages(self, sample: int | None) -> Iterator[list[Recorded]]:
        """Read renditions, a thousand at a time, in the order of the primary key."""
        if sample is not None:
            yield [Recorded(*row) for row in fetch(self._cursor, "renditions_sample", size=sample)]
            return
        code, name = "", ""
        while page := [Recorded(*row) for row in fetch(self._cursor, self._statements[1], code=code, name=name)]:
            yield page
            code, name = page[-1].code, page[-1].name

    def _read(self, recorded: Recorded) -> tuple[tuple[str, str] | None, FileNames | None]:
        """Read a file. Returns its problem and the detail, and its names; None for each that it has not."""
        try:
            require_well_formed_rendition(recorded.code, recorded.digest, recorded.size, recorded.path)
        except MalformedRecordError as error:
            return ("malformed", str(error)), None
        try:
            body = self._store.open(recorded.part, f"{recorded.code}/{recorded.name}")
        except DamagedFileError as error:
            return (self._kind(recorded), str(error)), None
        try:
            names = None if self._name is None else self._name(body)
            found = _digest(body) if names is None else names.sha256
        except DamagedFileError as error:
            return ("unreadable", str(error)), None
        finally:
            body.close()
        if found != recorded.digest:
            return ("changed", f"its SHA-256 is {found}, not {recorded.digest}"), None
        return None, names

    def _kind(self, recorded: Recorded) -> str:
        """Choose the problem of a file that could not be opened."""
        try:
            size = self._store.size(recorded.part)
        except OSError:
            return "unreadable"
        return "missing" if size is None else "unreadable" if size == recorded.size else "size"

    def _count(
        self,
        report: VerificationReport,
        recorded: Recorded,
        damage: tuple[str, str] | None,
        report_damage: Callable[[Damage], object],
    ) -> None:
        if damage is None:
            report.verified += 1
            report.bytes += recorded.size
            return
        problem, detail = damage
        if problem == "missing" and self._erased(recorded) is not None:
            report.erased += 1
        elif problem == "malformed" or self._stands(recorded):
            report.damaged[problem] += 1
            found = Damage(recorded.code, recorded.name, problem, detail)
            if len(report.list) < LISTED:
                report.list.append(found)
            report_damage(found)

    def _erased(self, recorded: Recorded) -> datetime | None:
        """Read when a file was erased by ``origin erase``; None: it was not."""
        ((moment,),) = fetch(self._cursor, "erasure_of_file", digest=recorded.digest, path=recorded.path)
        return moment if isinstance(moment, datetime) else None

    def _stands(self, recorded: Recorded) -> bool:
        """Tell whether a row is still as it was read: an import may have replaced the image meanwhile."""
        values: dict[str, Any] = recorded._asdict()
        ((number,),) = fetch(self._cursor, "rendition_still", **values)
        return bool(number)


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
