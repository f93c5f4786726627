"""Find the problems in the state of a fleet, each with its remedy."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from purger.edge.errors import DeliveryError
from purger.fleet.problems import find_problems, find_remarks
from purger.fleet.state import EdgeProblem, EdgeState, FleetState, ServedRemoval
from purger.model import PurgerPresence
from takedown_db.hooks.triggers import HookState

NOON = datetime(2026, 12, 2, 12, 0, 0)
ALIVE = PurgerPresence("host", 17, "0.2", NOON, NOON + timedelta(hours=2), 0.4, id="one")
GOOD = EdgeState(name="paris", mode="trusted", heartbeat_age=1.0, purger="one")
WELL = FleetState(purgers=(ALIVE,), edges=(GOOD,))


#: Kinds of delivery errors that need no remedy: the purger flushes the edge.
HEAL_BY_THEMSELVES = {"malformed", "another instance"}
#: The remedy for a text of no known kind.
FALLBACK = "read the purger's log, and check its varnishd"


def said(state: FleetState) -> str:
    """All that is wrong, a line each: what, and what to do."""
    return "\n".join(f"{problem.what} -> {problem.do}" for problem in find_problems(state))


def edge(**values: Any) -> FleetState:
    return replace(WELL, edges=(GOOD, replace(GOOD, name="rome", **values)))


def test_all_is_well() -> None:
    assert find_problems(WELL) == []


def test_changes_on_their_way_are_no_problem() -> None:
    assert find_problems(replace(WELL, pending=3)) == []
    assert find_problems(edge(lag=2, waits=0.9)) == []


@pytest.mark.parametrize(
    ("state", "what", "do"),
    [
        (
            replace(WELL, hooks=(HookState("pictures", "site.pic\ntures", ("takedown_pictures_update_0a1b2c",)),)),
            "hook pictures on site.pic\\ntures: missing or altered triggers: takedown_pictures_update_0a1b2c; ",
            "`purger hook --name pictures --apply`",
        ),
        (FleetState(unusable="2002: no\nsocket"), "the database cannot be used: 2002: no\\nsocket", "see that it runs"),
        (
            FleetState(unusable="2002: no"),
            "the database cannot be used",
            "fail-safe mode within the lease if the purger cannot",
        ),
        (
            FleetState(unusable="1045: no", refused=True),
            "with this URL: 1045: no",
            "user and password in PURGER_DATABASE_URL",
        ),
        (
            FleetState(unusable="1045: no", refused=True),
            "with this URL",
            "fail-safe mode within the lease if the purger cannot",
        ),
        (replace(WELL, purgers=()), "no purger runs", "start `purger run`"),
        (
            replace(WELL, purgers=(ALIVE._replace(age=5.1),)),
            "no purger is alive: pid 17 on host signed last 5.1 s ago",
            "start it again",
        ),
        # The database's clock was set back after it had died.
        (replace(WELL, purgers=(ALIVE._replace(age=-3600.0),)), "no purger is alive", "start it again"),
        (replace(WELL, edges=()), "there are no edges", "purger edge add"),
        (replace(WELL, edges=(), disabled=2), "none of 2 edges is enabled", "purger edge enable"),
        (
            replace(edge(batch=9), head=7, numbered_at=datetime(2026, 11, 26, 16, 28, 10)),
            "this database has given 7 only: it has lost changes that were committed after 2026-11-26 16:28:10 UTC",
            "write the lost bans and lifts again",
        ),
        (replace(edge(batch=1), numbered_at=None, head=0), "0 only: it has lost changes", "write the lost"),
        (replace(WELL, missing_triggers=("bans_inserted",)), "bans_inserted; bans may go", "purger migrate"),
        (
            replace(WELL, weakened_triggers=("bans_checked_insert",)),
            "bans_checked_insert; purges go on",
            "purger migrate",
        ),
        (
            FleetState(unusable="the schema is older than this program", older=True),
            "the schema is older than this program",
            "run `purger migrate`",
        ),
        (replace(WELL, later_migrations=("0002_x.sql",)), "changed the schema: 0002_x.sql", "install that version"),
        (replace(WELL, migration_lock=7), "connection 7 holds the lock", "KILL 7"),
        (replace(WELL, counter_locked=True, stuck=1), "holds the row of table numbering", "innodb_trx"),
        (replace(WELL, stuck=1), "1 committed change got no number within 1 s", "log"),
        (replace(WELL, unnumberable=2), "2 malformed changes of the last day", "`unnumberable`"),
        (
            replace(WELL, largest_ids={"bans": 2**64 - 10**8}),
            "ids of table bans are nearly used up",
            "ALTER TABLE bans",
        ),
        (edge(mode=None, failure=EdgeProblem("unreachable", "no")), "rome: unreachable: no", "varnishd"),
        (edge(mode=None, failure=EdgeProblem("refused", "403")), "rome: refused: 403", "token"),
        (edge(mode="fail-safe", heartbeat_age=61.0), "rome is in fail-safe mode: last heartbeat 61 s ago", "log"),
        (edge(mode="fail-safe", heartbeat_age=None), "rome is in fail-safe mode: no heartbeat yet", "log"),
        (edge(mode="unguarded"), "rome says mode 'unguarded'", "VCL"),
        (edge(mode="confused"), "rome says mode 'confused'", "VCL"),
        (edge(recorded=EdgeProblem("too slow", "no answer")), "rome: too slow: no answer", "load"),
        (
            edge(recorded=EdgeProblem("several instances", "a and b")),
            "rome: several instances: a and b",
            "a purge URL of its own",
        ),
        (
            replace(WELL, lingering={"lima": datetime(2026, 12, 2, 13)}),
            "edge lima was disabled and has not acknowledged all: it stopped trusting its cache at 2026-12-02 13:00:00",
            "stop this varnishd",
        ),
        (edge(lag=2, waits=90.0), "rome has not acknowledged 2 batches, the first for 90 s", "bulk"),
    ],
)
def test_what_is_wrong_is_said_with_its_cure(state: FleetState, what: str, do: str) -> None:
    (problem,) = find_problems(state)
    assert what in problem.what
    assert do in problem.do


def test_each_kind_of_delivery_error_has_a_remedy_or_heals_by_itself() -> None:
    kinds = {each.kind for each in DeliveryError.__subclasses__()}
    remedies = {kind: find_problems(edge(recorded=EdgeProblem.read(f"{kind}: no")))[0].do for kind in kinds}
    assert {kind for kind, remedy in remedies.items() if remedy == FALLBACK} == HEAL_BY_THEMSELVES


def test_one_purger_that_is_alive_is_enough() -> None:
    assert find_problems(replace(WELL, purgers=(ALIVE._replace(age=900.0), ALIVE))) == []


def test_an_edge_that_still_served_a_removed_image_is_a_problem_until_it_is_flushed() -> None:
    served = ServedRemoval("paris", "cat\n1", NOON, None)
    what = (
        "edge paris still served image cat\\n1 after it had acknowledged its removal, seen at 2026-12-02 12:00:00 UTC"
    )
    (problem,) = find_problems(replace(WELL, served=(served,)))
    assert (problem.what, problem.edge) == (what, "paris")
    flushed = replace(WELL, served=(served._replace(flushed_at=NOON + timedelta(seconds=2)),))
    assert find_problems(flushed) == []
    (remark,) = find_remarks(flushed)
    assert remark.startswith(f"{what}; it was flushed at 12:00:02 -> ")


def test_a_purger_that_died_beside_the_only_one_left_is_a_remark() -> None:
    beside = ALIVE._replace(pid=18, id="two", seen_at=NOON + timedelta(hours=1), age=3600.0)
    remark, *_ = find_remarks(replace(WELL, purgers=(ALIVE, beside)))
    assert "redundancy lost since 2026-12-02 13:00:00 UTC, 60 min ago: pid 18 on host no longer signs" in remark
    before = beside._replace(seen_at=NOON - timedelta(seconds=1))
    assert find_remarks(replace(WELL, purgers=(ALIVE, before))) == [], "it was replaced"
    assert find_remarks(replace(WELL, purgers=(ALIVE, ALIVE._replace(id="three"), beside))) == []


def test_two_names_of_one_varnishd_are_a_problem() -> None:
    same = tuple(replace(GOOD, name=name, instance="i1") for name in ("paris", "rome"))
    other = replace(GOOD, name="oslo", instance="i2")
    (problem,) = find_problems(replace(WELL, edges=(*same, other)))
    assert problem.what.startswith("edges paris, rome are one varnishd (i1)")
    # What an edge was that gives no answer now is on record only: it may have moved since.
    away = replace(same[1], mode=None, failure=EdgeProblem("unreachable"))
    assert "are one varnishd" not in said(replace(WELL, edges=(same[0], away)))


def test_an_edge_without_a_purger_is_a_problem() -> None:
    def claimed(*owners: str | None) -> FleetState:
        edges = tuple(replace(GOOD, name=f"edge{n}", purger=owner) for n, owner in enumerate(owners))
        return replace(WELL, purgers=(ALIVE, ALIVE._replace(id="dead", age=60.0)), edges=edges)

    assert find_problems(claimed("one", "one")) == []
    (problem,) = find_problems(claimed("one", None, "dead", "gone"))
    assert problem.what == "no purger has claimed 3 edges: edge1, edge2, edge3"
    assert "log of each purger" in problem.do
    assert "edge4 ..." in find_problems(claimed(*[None] * 7))[0].what


def test_causes_come_before_what_follows() -> None:
    state = replace(
        edge(mode="fail-safe"), purgers=(), stuck=1, missing_triggers=("bans_inserted",), counter_locked=True
    )
    lines = said(state).splitlines()
    starts = ("missing or altered", "another transaction", "no purger runs", "edge rome is in fail-safe")
    assert len(lines) == len(starts)
    assert all(line.startswith(start) for line, start in zip(lines, starts, strict=True))


def test_what_a_dead_purger_wrote_of_an_edge_is_not_repeated() -> None:
    assert "too slow" not in said(replace(edge(recorded=EdgeProblem("too slow", "no answer")), purgers=()))


def test_text_from_outside_stays_on_its_line() -> None:
    text = said(edge(mode=None, failure=EdgeProblem("refused", "[/x]\n\x1b[31mOK")))
    assert text.startswith("edge rome: refused: [/x]\\n\\x1b[31mOK")
    assert text.isprintable()
    named = said(replace(WELL, edges=(replace(GOOD, name="ro\n\x1b[31mme", mode="fail-safe"),)))
    assert named.startswith("edge ro\\n\\x1b[31mme is in fail-safe mode")
    assert named.isprintable()


@pytest.mark.parametrize("adopted", ["server one", None])
def test_a_server_that_does_not_speak_for_the_database_is_the_first_problem(adopted: str | None) -> None:
    state = FleetState(server="server two", adopted=adopted)
    first = find_problems(state)[0]
    assert "this is not the adopted server" in first.what
    assert (adopted or "no server was adopted") in first.what
    assert "this is server two" in first.what
    assert "`purger adopt` if this is the primary now" in first.do
    assert not find_problems(replace(WELL, server="server two", adopted="server two"))
