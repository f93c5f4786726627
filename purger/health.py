"""Judges the state of the fleet: what is wrong, the worst first, and what to do about it. Pure functions."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple

from purger.model import Present
from takedown_db.printable import printable

#: Seconds that a change may wait, for its number or for an edge, before that is a problem.
PATIENCE = 1.0

#: Ids left in a table below which it is nearly full: BIGINT UNSIGNED holds 2^64 - 1, and growth alone never gets there.
_FEW_IDS = 10**9
_LARGEST_ID = 2**64 - 1

#: What to do for each kind of problem that the purger has with an edge (``purger.errors``).
_EDGE_CURES = {
    "unreachable": "look at its varnishd and the network; what it misses is delivered when it is back",
    "too slow": "look at its load and the network; what it misses is delivered when it is back",
    "untrusted": "compare CA, certificates and host name of this edge (`purger edge set`)",
    "refused": "compare the token files and the purge URL (`purger edge set`)",
    "failing": "look at its varnishd's log",
    "several instances": "give each varnishd a purge URL of its own (`purger edge set`, `purger edge add`)",
}


class Trouble(NamedTuple):
    """What is wrong, and what to do."""

    what: str
    do: str


@dataclass(frozen=True, slots=True, kw_only=True)
class EdgeState:
    """An enabled edge. Times in seconds."""

    name: str
    purge_url: str = ""
    public_url: str = ""
    mode: str | None = None  # what it says itself; None: no answer
    instance: str | None = None  # the varnishd process that answered, or did so last
    acknowledged: int = 0  # the last batch of those that it has acknowledged
    lag: int = 0  # batches that it has not acknowledged
    delay: float = 0.0  # since the first of them was numbered
    heartbeat_age: float | None = None  # by its own clock
    seen_at: datetime | None = None  # UTC, the purger's clock; its last answer to a purger
    epoch: datetime | None = None  # UTC, its own clock; the last heartbeat that it accepted
    failure: str | None = None  # why it gave no answer just now: kind and text
    recorded: str | None = None  # what the purger has met with: kind and text
    names_position: bool = True  # False: its VCL is of version 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """All that is known of a fleet. ``unusable`` says why the database cannot be used; the rest is empty then."""

    unusable: str | None = None
    refused: bool = False  # unusable, with this URL: the server, or the name service, does not know what it names
    server: str = ""  # this server, as it names itself
    adopted: str | None = ""  # the server that speaks for the database; None: none was adopted
    purgers: tuple[Present, ...] = ()
    edges: tuple[EdgeState, ...] = ()
    disabled: int = 0
    head: int = 0  # the last batch number
    numbered_at: datetime | None = None  # UTC
    pruned: int = 0  # batches up to this one may have left the outbox
    pending: int = 0  # committed changes without a number
    stuck: int = 0  # those of them that got none within PATIENCE
    counter_locked: bool = False
    migration_lock: int | None = None  # the connection that holds it
    missing_triggers: tuple[str, ...] = ()
    weakened_triggers: tuple[str, ...] = ()
    unnumberable: int = 0  # rows of the last day
    largest_ids: Mapping[str, int] | None = None  # by table


def troubles(state: State) -> list[Trouble]:
    """Name everything that is wrong, causes before what follows from them. Empty: all is well."""
    if state.unusable is not None:
        return [_of_the_database(state.unusable, refused=state.refused)]
    return [
        *_of_the_server(state),
        *_of_the_schema(state),
        *_of_the_counter(state),
        *_of_purgers(state),
        *_of_edges(state),
    ]


def _of_the_database(reason: str, *, refused: bool) -> Trouble:
    # Of the purger, whose URL and account may be others, it says nothing.
    edges = "edges fall to fail-safe mode within the lease if the purger cannot use it either"
    if refused:
        what = "this command cannot use the database with this URL"
        do = "correct host, name, user and password in PURGER_DATABASE_URL, or the account's grants (`purger migrate`)"
    else:
        what, do = "the database cannot be used", "see that it runs and that PURGER_DATABASE_URL is right"
    return Trouble(f"{what}: {printable(reason)}", f"{do}; {edges}")


def _of_the_server(state: State) -> Iterator[Trouble]:
    if state.adopted != state.server:
        known = "no server was adopted" if state.adopted is None else f"{printable(state.adopted)} was adopted"
        yield Trouble(
            f"this server does not speak for the database: {known}, and this is {printable(state.server)}; no edge "
            "gets a heartbeat from here",
            "run `purger adopt` if this is the primary now, and do nothing if it is a copy",
        )


def _of_the_schema(state: State) -> Iterator[Trouble]:
    if state.missing_triggers:
        names = ", ".join(state.missing_triggers)
        yield Trouble(
            f"missing or altered triggers: {names}; bans may go unseen, and no edge gets a heartbeat",
            "run `purger migrate`; each edge is then flushed once by itself",
        )
    if state.weakened_triggers:
        names = ", ".join(state.weakened_triggers)
        yield Trouble(
            f"missing or altered triggers: {names}; purges go on, but rows are not checked or not logged",
            "run `purger migrate`",
        )
    if state.migration_lock is not None:
        yield Trouble(
            f"connection {state.migration_lock} holds the lock of migrations",
            f"wait if a `purger migrate` is at work; if none is, end it as an admin: KILL {state.migration_lock}",
        )
    for table, largest in (state.largest_ids or {}).items():
        if _LARGEST_ID - largest < _FEW_IDS:
            yield Trouble(
                f"the ids of table {table} are nearly used up: bans fail, or soon will",
                f"as an admin delete the row with the huge id, if there is one, run ALTER TABLE {table} "
                "AUTO_INCREMENT = 1, which goes back to the largest id that is left, and ban again what the row banned",
            )
    if state.unnumberable:
        yield Trouble(
            f"{counted(state.unnumberable, 'malformed change')} of the last day could not be purged",
            "ban again what they meant (table `unnumberable`), and delete them there as an admin",
        )


def _of_the_counter(state: State) -> Iterator[Trouble]:
    # It keeps a purger from signing, too, so it is named before.
    if state.counter_locked:
        yield Trouble(
            "another transaction holds the row of table numbering: nothing gets a number, no edge a heartbeat",
            "find it as an admin in information_schema.innodb_trx (the oldest trx_started) or with XA RECOVER; end it "
            "with KILL or XA ROLLBACK",
        )


def _of_purgers(state: State) -> Iterator[Trouble]:
    if not state.purgers:
        yield Trouble("no purger runs", "start `purger run`, under a supervisor that restarts it")
    elif not any(purger.alive for purger in state.purgers):
        last = state.purgers[0]
        yield Trouble(
            f"no purger is alive: {last.name} signed last {duration(last.age)} ago",
            "start it again; if its process is there, it is frozen or cut off from the database: see its log",
        )
    if state.stuck and not state.counter_locked:
        yield Trouble(
            f"{counted(state.stuck, 'committed change')} got no number within {PATIENCE:g} s",
            "no purger takes them up: see above, or the purger's log",
        )


def _of_edges(state: State) -> Iterator[Trouble]:
    if not state.edges:
        what = f"none of {counted(state.disabled, 'edge')} is enabled" if state.disabled else "there are no edges"
        yield Trouble(what, "`purger edge enable`" if state.disabled else "make each Varnish known: `purger edge add`")
    alive = any(purger.alive for purger in state.purgers)
    for edge in state.edges:
        # What a purger that is gone has written down may be over.
        yield from _of_edge(edge if alive else replace(edge, recorded=None))


def _of_edge(edge: EdgeState) -> Iterator[Trouble]:
    name = printable(edge.name)
    if edge.mode is None:
        failure = printable(edge.failure or "no answer")
        yield Trouble(f"edge {name}: {failure}", _cure(failure))
    elif edge.recorded:
        yield Trouble(f"edge {name}: {printable(edge.recorded)}", _cure(edge.recorded))
    elif edge.mode == "fail-safe":
        last = (
            "no heartbeat yet" if edge.heartbeat_age is None else f"last heartbeat {duration(edge.heartbeat_age)} ago"
        )
        yield Trouble(
            f"edge {name} is in fail-safe mode: {last}",
            "it is right for some seconds after the start of edge or purger; otherwise look at the purger's log",
        )
    elif edge.mode != "trusted":
        yield Trouble(
            f"edge {name} says mode {printable(edge.mode)!r}: nothing ends its trust when purges do not arrive",
            "set `purger` to yes in its VCL, or disable it (`purger edge disable`)",
        )
    if edge.mode is not None and not edge.names_position:
        yield Trouble(
            f"edge {name} runs the VCL of version 0.1: it names no position, so one that goes back is not noticed",
            "load the VCL of this version into it (docs/edge.md)",
        )
    if edge.delay > PATIENCE and edge.mode is not None and not edge.recorded:
        yield Trouble(
            f"edge {name} has not acknowledged {counted(edge.lag, 'batch', 'batches')}, the first for "
            f"{duration(edge.delay)}",
            "wait if there is a bulk of bans; otherwise look at the purger's log",
        )


def _cure(text: str) -> str:
    kind = text.partition(":")[0]
    return _EDGE_CURES.get(kind, "look at the purger's log and at its varnishd")


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """Write a number with its noun."""
    return f"{number} {noun if number == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """Write a time in a unit of its size: ``0.4 s``, ``12 s``, ``5 min``, ``3 h``, ``2 days``."""
    seconds = max(0.0, seconds)
    if seconds < 10:
        return f"{seconds:.1f} s"
    for size, unit in ((86400, "days"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
