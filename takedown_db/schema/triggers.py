"""Compares the database's triggers with those that the schema defines."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, lru_cache
from importlib import resources
from typing import NamedTuple

#: The scripts that define triggers, in the order in which they run: the log's triggers FOLLOW those of the outbox.
SCRIPTS = ("triggers", "log", "checks")

#: The triggers that write bans into the outbox.
_OF_BANS = ("bans_inserted_v1", "bans_updated_v1")

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


class Definition(NamedTuple):
    """A trigger as the schema defines it. White space in ``body`` is single spaces, and no semicolon ends it."""

    name: str
    on_table: str
    timing: str  # BEFORE or AFTER
    event: str  # INSERT, UPDATE or DELETE
    definer: str  # user@host
    body: str
    follows: str | None = None


@cache
def defined(script: str) -> dict[str, Definition]:
    """Read the triggers that ``schema/<script>.sql`` defines, by name."""
    text = resources.files("takedown_db").joinpath("schema", f"{script}.sql").read_text(encoding="utf-8")
    found = (match.groups() for match in _DEFINITION.finditer(text))
    return {
        name: Definition(name, table, timing, event, f"{user}@{host}", _plain(body), follows)
        for user, host, name, timing, event, table, follows, body in found
    }


def judge_triggers(standing: Iterable[Sequence[object]]) -> Triggers:
    """Compare the database's triggers, as rows of ``standing_triggers_v2``, with the schema.

    A trigger on another table (a renamed table took it along) misses every change, and one with another body, timing or
    definer may miss some: both count as missing. Triggers that the schema does not define, such as a site's hooks, are
    ignored: a flush of the edges does not repair what a hook missed.
    """
    return _judge(tuple(tuple(row) for row in standing))


@lru_cache(maxsize=2)  # called 20 times a second, nearly always with the same rows
def _judge(standing: tuple[tuple[object, ...], ...]) -> Triggers:
    outbox = defined("triggers")
    # As version 0.1 computed it, from name, table and time of the outbox's triggers: so an upgrade flushes no edge.
    ours = [" ".join(map(str, row[:3])) for row in standing if _place(row) in map(_place, outbox.values())]
    others = {name for script in SCRIPTS[1:] for name in defined(script)}
    altered = altered_triggers(standing)
    absent = {name for script in SCRIPTS for name in defined(script)} - {str(row[0]) for row in standing}
    wrong = absent.union(altered, (name for name, _ in strayed_triggers(standing)))
    return Triggers(
        hashlib.sha256("\n".join(sorted(ours)).encode()).hexdigest(),
        missing=tuple(sorted(wrong & outbox.keys())),
        weakened=tuple(sorted(wrong & others)),
    )


def bans_seen_since(standing: Sequence[Sequence[object]]) -> datetime | None:
    """Find the time (UTC) since which every ban is written to the outbox; None: a trigger is missing or altered."""
    if set(judge_triggers(standing).missing) & set(_OF_BANS):
        return None
    return max((row[2] for row in standing if row[0] in _OF_BANS and isinstance(row[2], datetime)), default=None)


def altered_triggers(standing: Iterable[Sequence[object]]) -> list[str]:
    """Name the triggers that are on their own table and differ from the schema, for example in their body."""
    return [
        str(row[0]) for row in standing if (own := _own(row)) and _place(row) == _place(own) and not _equal(row, own)
    ]


def strayed_triggers(standing: Iterable[Sequence[object]]) -> list[tuple[str, str]]:
    """Name the triggers that are on another table than their own, each with that table."""
    return [(str(row[0]), str(row[1])) for row in standing if (own := _own(row)) and _place(row) != _place(own)]


def _own(row: Sequence[object]) -> Definition | None:
    return next((defined(script)[str(row[0])] for script in SCRIPTS if str(row[0]) in defined(script)), None)


def _place(row: Sequence[object]) -> tuple[object, object]:
    return row[0], row[1]


def _equal(row: Sequence[object], own: Definition) -> bool:
    _, _, _, timing, event, definer, _, body = row
    return (timing, event, definer, _plain(str(body))) == (own.timing, own.event, own.definer, own.body)


def _plain(body: str) -> str:
    return " ".join(body.split()).rstrip(" ;")  # MySQL 9 ends a body of one statement with a semicolon
