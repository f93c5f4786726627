"""Compares the database's triggers with those that the schema defines."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple

#: The scripts that define triggers, in the order in which they run: the log's triggers FOLLOW those of the outbox.
SCRIPTS = ("outbox_triggers", "log_triggers", "check_triggers")

#: The account that all of them run as, and no other trigger: nobody can log in with it.
_DEFINER = "takedown_definer@localhost"

#: The triggers that write bans into the outbox.
_OF_BANS = ("bans_inserted", "bans_updated")

_DEFINITION = re.compile(
    r"^CREATE DEFINER = '(\w+)'@'(\w+)' TRIGGER IF NOT EXISTS (\w+) (BEFORE|AFTER) (INSERT|UPDATE|DELETE) ON (\w+) "
    r"FOR EACH ROW(?: FOLLOWS (\w+))?\s+(.*?)//$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True, slots=True)
class Triggers:
    """The result of a comparison of the database's triggers with the schema.

    ``fingerprint`` changes when a trigger of the outbox is dropped, replaced or created again: changes made while it
    was missing are not in the outbox. ``missing`` names triggers of the outbox that are missing or altered;
    ``weakened`` those among the others, which check rows or write the log: without them no purge is lost.
    """

    fingerprint: str
    missing: tuple[str, ...] = ()
    weakened: tuple[str, ...] = ()
    since: datetime | None = None  # UTC: from then on each ban is in the outbox. None: a trigger of bans is missing

    def restored_after(self, moment: datetime | None) -> bool:
        """Tell whether the triggers of bans were created again after ``moment``. Each edge is then flushed."""
        return moment is not None and self.since is not None and self.since > moment


class Definition(NamedTuple):
    """A trigger as the schema defines it. White space in ``body`` is single spaces, and no semicolon ends it."""

    name: str
    on_table: str
    timing: str  # BEFORE or AFTER
    event: str  # INSERT, UPDATE or DELETE
    definer: str  # user@host
    body: str
    follows: str | None = None


class PresentTrigger(NamedTuple):
    """A trigger that is in the database: a row of the statement ``present_triggers``, its columns in their order."""

    name: object
    on_table: object
    created: object
    timing: object
    event: object
    definer: object
    sql_mode: object
    body: object


@cache
def defined(script: str) -> dict[str, Definition]:
    """Read the triggers that ``schema/definitions/<script>.sql`` defines, by name."""
    text = resources.files("takedown_db").joinpath("schema", "definitions", f"{script}.sql").read_text(encoding="utf-8")
    found = (match.groups() for match in _DEFINITION.finditer(text))
    return {
        name: Definition(name, table, timing, event, f"{user}@{host}", _plain(body), follows)
        for user, host, name, timing, event, table, follows, body in found
    }


def judge_triggers(rows: Iterable[Sequence[object]]) -> Triggers:
    """Compare the database's triggers, as rows of ``present_triggers``, with the schema.

    A trigger on another table (a renamed table took it along) misses every change, and one with another body, timing or
    definer may miss some: both count as missing. Triggers that the schema does not define, such as a site's hooks, are
    ignored: a flush of the edges does not repair what a hook missed.
    """
    return _judge(tuple(PresentTrigger(*row) for row in rows))


@lru_cache(maxsize=2)  # called 20 times a second, nearly always with the same rows
def _judge(present: tuple[PresentTrigger, ...]) -> Triggers:
    outbox = defined("outbox_triggers")
    # Not from the bodies: an upgrade of the server may print them in another way, and then flushes no edge.
    places = {(own.name, own.on_table) for own in outbox.values()}
    ours = [f"{row.name} {row.on_table} {row.created}" for row in present if (row.name, row.on_table) in places]
    others = {name for script in SCRIPTS[1:] for name in defined(script)}
    absent = {name for script in SCRIPTS for name in defined(script)} - {str(row.name) for row in present}
    wrong = absent.union(altered_triggers(present), (name for name, _ in strayed_triggers(present)))
    times = (row.created for row in present if row.name in _OF_BANS and isinstance(row.created, datetime))
    return Triggers(
        hashlib.sha256("\n".join(sorted(ours)).encode()).hexdigest(),
        missing=tuple(sorted(wrong & outbox.keys())),
        weakened=tuple(sorted(wrong & others)),
        since=None if wrong.intersection(_OF_BANS) else max(times, default=None),
    )


def altered_triggers(rows: Iterable[Sequence[object]]) -> list[str]:
    """Name the triggers that are on their own table and differ from the schema, for example in their body."""
    return [own.name for row, own in _ours(rows) if row.on_table == own.on_table and not _equal(row, own)]


def strayed_triggers(rows: Iterable[Sequence[object]]) -> list[tuple[str, str]]:
    """Name the triggers that are on another table than their own, each with that table."""
    return [(own.name, str(row.on_table)) for row, own in _ours(rows) if row.on_table != own.on_table]


def former_triggers(rows: Iterable[Sequence[object]]) -> list[str]:
    """Name the triggers of the schema's own account that the schema no longer defines."""
    known = {name for script in SCRIPTS for name in defined(script)}
    names = [str(row.name) for row in (PresentTrigger(*row) for row in rows) if row.definer == _DEFINER]
    return [name for name in names if name not in known]


def _ours(rows: Iterable[Sequence[object]]) -> Iterator[tuple[PresentTrigger, Definition]]:
    """Pair the triggers that have a name of ours with their definitions."""
    definitions = {name: own for script in SCRIPTS for name, own in defined(script).items()}
    for row in rows:
        present = PresentTrigger(*row)
        if own := definitions.get(str(present.name)):
            yield present, own


def _equal(row: PresentTrigger, own: Definition) -> bool:
    same_head = (row.timing, row.event, row.definer) == (own.timing, own.event, own.definer)
    return same_head and _plain(str(row.body)) == own.body


def _plain(body: str) -> str:
    return " ".join(body.split()).rstrip(" ;")  # MySQL 9 ends a body of one statement with a semicolon
