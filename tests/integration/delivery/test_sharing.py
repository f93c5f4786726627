"""Run several purgers on one database: each edge has one of them, and gets another when that one is away."""

import json
import re
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from typing import Any

import pytest

from stack.processes.server import frozen
from stack.processes.waiting import wait_until
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection, fetch
from tests.support.purgers.purger_group import GroupMember, PurgerGroup


@pytest.fixture(scope="module")
def running_group(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PurgerGroup]:
    """Run a database and four edges for the module."""
    with PurgerGroup(tmp_path_factory.mktemp("group")) as group:
        yield group


@pytest.fixture
def group(running_group: PurgerGroup) -> Iterator[PurgerGroup]:
    """Run no purger before the test, and check the receipts after it."""
    running_group.sql("DELETE FROM purgers")
    yield running_group
    assert running_group.doubled_receipts() == []


@pytest.fixture
def pair(group: PurgerGroup) -> Iterator[list[GroupMember]]:
    """Run two purgers that have two edges each, and trust of all edges."""
    with ExitStack() as running:
        members = [running.enter_context(group.new_purger()) for _ in range(2)]
        group.wait_shares(dict.fromkeys(members, 2))
        wait_until(lambda: all(each.follows() == 2 for each in members), "each follows its own edges alone")
        group.wait_settled()
        yield members


def test_a_purger_that_is_alone_follows_every_edge(group: PurgerGroup) -> None:
    with group.new_purger() as alone, group.always_trusted():
        group.wait_shares({alone: 4})
        group.ban()


@pytest.mark.usefixtures("pair")
def test_two_purgers_share_the_edges_evenly_and_each_ban_is_sent_by_one(group: PurgerGroup) -> None:
    def purges() -> list[int]:
        return [edge.purges() for edge in group.edges]

    def sent_by_one() -> bool:
        """Tell whether each of three bans took a purge and its rebound at each edge.

        A request that takes too long is made again, and an edge whose purger is held up gets another one.
        """
        before = purges()
        for _ in range(3):
            group.ban()
        return purges() == [number + 6 for number in before]

    with group.always_trusted():
        wait_until(sent_by_one, "bans that are sent by one purger each")


def test_a_killed_purger_is_replaced_and_comes_back_to_its_share(group: PurgerGroup, pair: list[GroupMember]) -> None:
    killed, other = pair
    with group.always_trusted():
        for _ in range(2):
            lost = partial(remarks, other, f"pid {killed.pid} on")
            killed.kill()
            group.ban()
            group.wait_shares({other: 4})
            wait_until(lost, "the loss of redundancy is a remark")
            killed.start()
            group.wait_shares(dict.fromkeys(pair, 2))
            wait_until(lambda: remarks(other) == [], "there is no remark")
            group.ban()


def remarks(member: GroupMember, part: str = "") -> list[str]:
    """Return the remarks of ``purger status`` that name ``part``. None of them makes it a problem."""
    state = json.loads(member.run("status", "--json").stdout)
    assert not [each for each in state["problems"] if "redundancy" in each["what"]]
    return [each for each in state["remarks"] if each.startswith("redundancy lost since ") and part in each]


def test_a_frozen_purger_is_replaced_and_does_no_harm_when_it_wakes(
    group: PurgerGroup, pair: list[GroupMember]
) -> None:
    sleeper, other = pair
    with group.always_trusted():
        with frozen(sleeper):
            group.ban()
            group.wait_shares({other: 4})
        group.wait_shares(dict.fromkeys(pair, 2))
        group.ban()


def test_a_purger_that_is_cut_off_from_the_database_is_replaced(group: PurgerGroup, pair: list[GroupMember]) -> None:
    lonely, other = pair
    with group.always_trusted():
        with lonely.cut_off():
            group.ban()
            group.wait_shares({other: 4})
            group.ban()
        group.wait_shares(dict.fromkeys(pair, 2))
        group.ban()


def test_a_purger_that_vanishes_in_the_middle_of_a_record_locks_its_edges_for_seconds_alone(
    group: PurgerGroup, pair: list[GroupMember]
) -> None:
    assert all(each.running() for each in pair)
    vanished = Connection(group.database.url("purger"), timeout=10)  # a record may hold the same locks for 2 s
    names = json.dumps([edge.edge_name for edge in group.edges])
    with group.always_trusted(), ExitStack() as open_one:
        cursor = open_one.enter_context(vanished.transaction())
        assert len(fetch(cursor, "lock_edges", names=names)) == len(group.edges)
        group.ban()
        with pytest.raises(DatabaseUnavailableError):
            open_one.close()


def test_a_purger_that_is_stopped_gives_its_edges_back(group: PurgerGroup, pair: list[GroupMember]) -> None:
    stopped, other = pair
    with group.always_trusted():
        stopped.stop()
        assert set(group.claims().values()) <= {None, other.pid}
        group.wait_shares({other: 4})
        group.ban()


def test_a_third_purger_gets_its_share(group: PurgerGroup, pair: list[GroupMember]) -> None:
    with group.always_trusted():
        with group.new_purger() as third:
            group.wait_shares({third: 1})
            group.ban()
        group.wait_shares(dict.fromkeys(pair, 2))
        group.ban()


def test_the_only_purger_goes_on_after_it_was_killed(group: PurgerGroup) -> None:
    with group.new_purger() as alone:
        group.wait_shares({alone: 4})
        group.wait_settled()
        with group.always_trusted():
            alone.kill()
            alone.start()
            group.wait_shares({alone: 4})
            group.ban()


def test_no_edge_moves_when_the_database_was_away(group: PurgerGroup, pair: list[GroupMember]) -> None:
    def count(text: str) -> list[int]:
        return [each.log_text().count(text) for each in pair]

    def none_moved() -> bool:
        """Tell whether all edges stayed. A purger that is held up for seconds after the outage loses its own."""
        group.wait_shares(dict.fromkeys(pair, 2))
        claims, followed, outages = group.claims(), count("followed"), count("is unusable")
        with frozen(group.database):
            wait_until(
                lambda: all(now > then for now, then in zip(count("is unusable"), outages, strict=True)),
                "each purger notices",
            )
        group.ban()
        return (group.claims(), count("followed")) == (claims, followed)

    wait_until(none_moved, "an outage in which no edge moves")
    assert "flushed" not in "".join(each.log_text() for each in pair)


def test_the_status_tells_who_has_what(group: PurgerGroup, pair: list[GroupMember]) -> None:
    first, second = pair

    def well() -> dict[str, Any] | None:
        found: dict[str, Any] = json.loads(first.run("status", "--json").stdout)
        return None if found["problems"] else found

    # An edge that takes 3 s to answer, or a purger to sign, is a problem.
    state = wait_until(well, "a status without problems")
    shares = {purger["pid"]: purger["edges"] for purger in state["purgers"]}
    assert sorted(map(len, shares.values())) == [2, 2]
    assert sorted(shares[first.pid] + shares[second.pid]) == [edge.edge_name for edge in group.edges]
    owners = {purger["id"]: purger["pid"] for purger in state["purgers"]}
    assert {edge["name"]: owners[edge["purger"]] for edge in state["edges"]} == group.claims()
    lines = first.run("status").stdout
    assert re.search(rf"pid {first.pid} .* 2\n", lines)
    assert re.search(rf"edge1 .* pid {group.claims()['edge1']}\b", lines)
    assert f"purger       pid {group.claims()['edge1']} on " in first.run("edge", "list").stdout


def test_an_edge_that_no_purger_can_claim_is_a_problem(group: PurgerGroup) -> None:
    with group.new_purger() as alone:
        group.wait_shares({alone: 4})
        group.sql("CREATE TRIGGER refusing BEFORE UPDATE ON edges FOR EACH ROW SET NEW.purger = NULL")
        try:
            wait_until(lambda: set(group.claims().values()) == {None}, "claims are refused")
            result = alone.run("status")
            assert result.returncode == 3
            assert "PROBLEM: no purger has claimed 4 edges: edge1, edge2, edge3, edge4 -> " in result.stdout
        finally:
            group.sql("DROP TRIGGER refusing")
        group.wait_shares({alone: 4})
