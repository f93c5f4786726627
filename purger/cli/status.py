"""`purger status`: prints in one line whether all is well, and shows the state of purgers, outbox and edges."""

import os
import sys

import click

from purger.cli.options.database_url import database_url
from purger.cli.options.values import as_json
from purger.exit_codes import ExitCode
from purger.fleet.problems import Problem, find_problems, find_remarks
from purger.fleet.state import FleetState
from purger.fleet.status import read_state
from purger.text_format import aligned, counted, duration, wrapped
from takedown_base.json_output import members, print_json, utc_text
from takedown_base.printable import printable
from takedown_db.connection.lasting_connection import Connection

#: Seconds to wait for the database: a monitoring system asks, and an answer that comes late is an alarm too.
_TIMEOUT = 5

#: The keys of a purger, of the database and of an edge in the JSON, each an attribute of its state.
_PURGER_KEYS = ("id", "host", "pid", "version", "since", "seen_at", "age", "clock_lead", "alive")
_DATABASE_KEYS = (
    *("server", "adopted", "pending", "stuck", "head", "numbered_at", "read_at", "clock_lead"),
    *(
        "pruned",
        "later_migrations",
        "missing_triggers",
        "weakened_triggers",
        "hooks",
        "unwatched",
        "unnumberable",
        "counter_locked",
        "migration_lock",
        "log",
        "unnamed",
    ),
)
_EDGE_KEYS = (
    *("name", "purge_url", "public_url", "mode", "instance", "acknowledged", "lag", "waits", "heartbeat_age"),
    *("lease_remaining", "seen_at", "epoch", "trust_ends_by"),
)

#: The keys of a receiver of webhooks.
_WEBHOOK_KEYS = ("name", "host", "enabled", "waiting", "oldest", "dead", "failures", "problem")

#: The colours of the words with which lines begin on a terminal.
_COLOURS = {"OK": "green", "PROBLEM": "red", "REMARK": "yellow"}

#: The number of purgers that are shown although they are no longer alive.
_SHOWN_DEAD = 3


_EXAMPLES = """\b
Examples:
purger status
purger status --json
purger status >/dev/null || echo 'look at it'      (as a check of a monitoring system)"""


@click.command(epilog=_EXAMPLES)
@as_json
@database_url
def status(as_json: bool, database_url: str) -> None:
    """Say whether all is well, and show purgers, outbox and edges. Asks each enabled edge now.

    The first line begins with OK, or with PROBLEM and its remedy. Exit code 3 says that there is a problem: the
    database cannot be used, its server was not adopted, no purger is alive or none has claimed an edge, an edge gives
    no answer or is in fail-safe mode, there is no edge, a change waits for longer than a second, a trigger is missing
    or altered, one of a hook included, ids are nearly used up, or malformed changes came.
    """
    connection = Connection(database_url, timeout=_TIMEOUT)
    try:
        state = read_state(connection)
    finally:
        connection.close()
    problems = find_problems(state)
    if as_json:
        print_json(status_report(state, problems))
    else:
        remarks = [f"REMARK: {remark}" for remark in find_remarks(state)]
        click.echo("\n".join([*_verdict(state, problems), *_fit(remarks), *_tables(state)]))
    if problems:
        sys.exit(ExitCode.ATTENTION)


def status_report(state: FleetState, problems: list[Problem]) -> dict[str, object]:
    """Return the report that is printed as JSON: ``state``, of which ``problems`` were found."""
    return {
        "ok": not problems,
        "problems": problems,
        "remarks": find_remarks(state),
        "purgers": [
            {**members(each, *_PURGER_KEYS), "edges": state.edges_of(each) if each.alive else []}
            for each in state.purgers
        ],
        "database": None if state.unusable is not None else members(state, *_DATABASE_KEYS),
        "edges": [
            {
                **members(each, *_EDGE_KEYS),
                "problem": str(each.problem) if each.problem else None,
                "purger": each.purger,
            }
            for each in state.edges
        ],
        "disabled_edges": state.disabled,
        "webhooks": [members(each, *_WEBHOOK_KEYS) for each in state.webhooks],
    }


def _verdict(state: FleetState, problems: list[Problem]) -> list[str]:
    if not problems:
        edges = "1 edge trusts its cache" if len(state.edges) == 1 else f"{len(state.edges)} edges trust their caches"
        return _fit([f"OK: {edges}, nothing waits"])
    lines = [f"PROBLEM: {problem.what} -> {problem.do}" for problem in problems]
    return _fit(lines)


def _fit(lines: list[str]) -> list[str]:
    """Wrap lines where they go to a terminal, and colour their first word unless NO_COLOR is set."""
    if not sys.stdout.isatty():
        return lines
    parts = [part for line in lines for part in wrapped(line)]
    return parts if os.environ.get("NO_COLOR") else [_coloured(part) for part in parts]


def _coloured(line: str) -> str:
    word, colon, rest = line.partition(": ")
    return f"{click.style(word, fg=_COLOURS[word], bold=True)}{colon}{rest}" if word in _COLOURS else line


def _tables(state: FleetState) -> list[str]:
    if state.unusable is not None:
        return []
    triggers = state.missing_triggers + state.weakened_triggers
    lines = [
        "",
        f"database: {counted(state.pending, 'change')} pending, last batch {state.head}, "
        + (f"triggers missing or altered: {len(triggers)}" if triggers else "all triggers exist"),
    ]
    lines += [
        printable(f"hook {hook.name} on {hook.table}: " + ("missing or altered" if hook.missing else "in place"))
        for hook in state.hooks
    ]
    lines += [
        printable(
            f"trigger {name} writes bans by hand: nobody notices when it is missing (`purger hook` makes watched ones)"
        )
        for name in state.unwatched
    ]
    if state.log.begun:
        waits = state.log.batches or state.log.entries
        lines.append(state.log.text() if waits else "signed log: nothing waits for its place")
    lines += [
        printable(
            f"webhook {webhook.name}: {counted(webhook.waiting, 'event')} waiting, {webhook.dead:,} given up"
            + ("" if webhook.enabled else ", disabled")
        )
        for webhook in state.webhooks
    ]
    if purgers := _purger_rows(state):
        lines += ["", *aligned(("purger", "host", "version", "since", "signed", "edges"), purgers)]
    if state.edges:
        lines += ["", *aligned(("edge", "mode", "lag", "last heartbeat", "purger", "problem"), _edge_rows(state))]
    if state.disabled:
        lines += ["", f"disabled edges: {state.disabled}"]
    return lines


def _purger_rows(state: FleetState) -> list[tuple[str, ...]]:
    dead = [purger for purger in state.purgers if not purger.alive][:_SHOWN_DEAD]
    return [
        (
            f"pid {each.pid}",
            each.host,
            each.version,
            f"{each.since:%Y-%m-%d %H:%M:%S}",
            f"{duration(each.age)} ago",
            str(len(state.edges_of(each))) if each.alive else "",
        )
        for each in state.purgers
        if each.alive or each in dead
    ]


def _edge_rows(state: FleetState) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    processes = {purger.id: f"pid {purger.pid}" for purger in state.purgers if purger.alive}
    for edge in state.edges:
        age = "never" if edge.epoch is None else utc_text(edge.epoch) or ""
        if edge.heartbeat_age is not None:
            age = f"{duration(edge.heartbeat_age)} ago"
        kind = edge.problem.kind if edge.problem else ""
        purger = processes.get(edge.purger or "", "")
        rows.append((edge.name, edge.mode or "no answer", str(edge.lag), age, purger, kind))
    return rows
