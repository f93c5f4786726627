"""`purger status`: one line that says whether all is well, and then what there is."""

import sys
from typing import Any

import click

from purger.cli.options import as_json, database_url
from purger.health import State, Trouble, counted, duration, troubles
from purger.status import read_state
from purger.text_table import aligned, wrapped
from takedown_db.connection import Connection
from takedown_db.json_output import print_json, utc_text

_ATTENTION = 3

#: Seconds to wait for the database.
_TIMEOUT = 5

#: Purgers shown that are no longer alive.
_GONE = 3


@click.command()
@as_json
@database_url
def status(as_json: bool, database_url: str) -> None:
    """Say whether all is well, and show purgers, queue and edges; each edge is asked now.

    The first line begins with OK, or with PROBLEM and what to do. Exit code 3 says that there is a problem: the
    database cannot be used, its server was not adopted, no purger is alive, an edge gives no answer or is in fail-safe
    mode, there is no edge, a change waits for longer than a second, a trigger is missing or altered, ids are nearly
    used up, or malformed changes came.
    """
    connection = Connection(database_url, timeout=_TIMEOUT)
    try:
        state = read_state(connection)
    finally:
        connection.close()
    found = troubles(state)
    if as_json:
        print_json(_plain(state, found))
    else:
        click.echo("\n".join([*_verdict(state, found), *_tables(state)]))
    if found:
        sys.exit(_ATTENTION)


def _verdict(state: State, found: list[Trouble]) -> list[str]:
    if not found:
        edges = "1 edge trusts its cache" if len(state.edges) == 1 else f"{len(state.edges)} edges trust their caches"
        return [f"OK: {edges}, nothing waits"]
    lines = [f"PROBLEM: {each.what} -> {each.do}" for each in found]
    return [part for line in lines for part in wrapped(line)] if sys.stdout.isatty() else lines


def _tables(state: State) -> list[str]:
    if state.unusable is not None:
        return []
    triggers = state.missing_triggers + state.weakened_triggers
    lines = [
        "",
        f"database: {counted(state.pending, 'change')} pending, last batch {state.head}, "
        + (f"triggers missing or altered: {len(triggers)}" if triggers else "all triggers stand"),
    ]
    if purgers := _purger_rows(state):
        lines += ["", *aligned(("purger", "host", "version", "since", "signed"), purgers)]
    if state.edges:
        lines += ["", *aligned(("edge", "mode", "lag", "last heartbeat", "problem"), _edge_rows(state))]
    if state.disabled:
        lines += ["", f"disabled edges: {state.disabled}"]
    return lines


def _purger_rows(state: State) -> list[tuple[str, ...]]:
    gone = [purger for purger in state.purgers if not purger.alive][:_GONE]
    return [
        (f"pid {each.pid}", each.host, each.version, f"{each.since:%Y-%m-%d %H:%M:%S}", f"{duration(each.age)} ago")
        for each in state.purgers
        if each.alive or each in gone
    ]


def _edge_rows(state: State) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for edge in state.edges:
        age = "never" if edge.epoch is None else utc_text(edge.epoch) or ""
        if edge.heartbeat_age is not None:
            age = f"{duration(edge.heartbeat_age)} ago"
        problem = edge.failure or edge.recorded or ""
        rows.append((edge.name, edge.mode or "no answer", str(edge.lag), age, problem.partition(":")[0]))
    return rows


def _plain(state: State, found: list[Trouble]) -> dict[str, Any]:
    """Turn a state into what is printed as JSON."""
    return {
        "ok": not found,
        "problems": [each._asdict() for each in found],
        "purgers": [each._asdict() | {"alive": each.alive} for each in state.purgers],
        "database": None if state.unusable is not None else _database(state),
        "edges": [
            {
                "name": edge.name,
                "purge_url": edge.purge_url,
                "public_url": edge.public_url,
                "mode": edge.mode,
                "instance": edge.instance,
                "acknowledged": edge.acknowledged,
                "lag": edge.lag,
                "waits": edge.delay,
                "heartbeat_age": edge.heartbeat_age,
                "seen_at": edge.seen_at,
                "epoch": edge.epoch,
                "problem": edge.failure or edge.recorded,
            }
            for edge in state.edges
        ],
        "disabled_edges": state.disabled,
    }


def _database(state: State) -> dict[str, Any]:
    return {
        "server": state.server,
        "adopted": state.adopted,
        "pending": state.pending,
        "stuck": state.stuck,
        "head": state.head,
        "numbered_at": state.numbered_at,
        "pruned": state.pruned,
        "missing_triggers": state.missing_triggers,
        "weakened_triggers": state.weakened_triggers,
        "unnumberable": state.unnumberable,
        "counter_locked": state.counter_locked,
        "migration_lock": state.migration_lock,
    }
