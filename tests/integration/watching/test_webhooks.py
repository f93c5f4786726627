"""Tell a receiver what became of takedowns: everything, in order for each, whoever dies meanwhile."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from purger.webhooks.signature import new_secret
from stack.processes.server import frozen
from stack.processes.waiting import wait_until
from tests.support.edges.fleet import Fleet
from tests.support.purgers.purger_group import PurgerGroup
from tests.support.webhook_receiver import Receiver


@pytest.fixture
def receiver(fleet: Fleet, tmp_path: Path) -> Iterator[Receiver]:
    """Run a receiver that is told of all that comes."""
    secret = tmp_path / "secret"
    secret.write_text(new_secret())
    with Receiver(tmp_path / "receiver", secret) as running:
        added = fleet.purger.run(
            *("webhook", "add", "cases", "--url", running.url, "--secret-file", str(secret)),
            *("--link", "https://door.example/takedowns/{takedown}"),
        )
        assert added.returncode == 0, added.stderr
        yield running
        fleet.purger.run("webhook", "remove", "cases").check_returncode()


def ban(fleet: Fleet) -> int:
    """Ban an image; return the ban's id."""
    code = fleet.ban()
    return fleet.number("SELECT id FROM bans WHERE subject = %s", code)


def lift(fleet: Fleet, takedown: int) -> None:
    fleet.sql("UPDATE bans SET lifted_at = UTC_TIMESTAMP(3) WHERE id = %s", takedown)


def waiting(fleet: Fleet) -> int:
    return fleet.number("SELECT COUNT(*) FROM webhook_events WHERE state = 'waiting'")


def try_now(fleet: Fleet) -> None:
    """End all waits before the next tries."""
    fleet.sql("UPDATE webhook_events SET due_at = '2000-01-01'")
    fleet.purger.run("webhook", "enable", "cases").check_returncode()


def told(fleet: Fleet, receiver: Receiver, takedown: int, *kinds: str) -> None:
    """Wait until the receiver has taken exactly these events of a takedown."""
    expected = [(takedown, kind) for kind in kinds]
    wait_until(lambda: len(receiver.taken(takedown)) >= len(kinds), f"{expected} taken")
    assert receiver.taken(takedown) == expected, fleet.purger.log_tail()


def test_a_takedown_is_told_when_it_is_gone_and_when_it_is_lifted(fleet: Fleet, receiver: Receiver) -> None:
    takedown = ban(fleet)
    told(fleet, receiver, takedown, "gone")
    (event,) = receiver.seen()
    data = event["body"]["data"]
    assert event["path"] == "/takedowns?from=edges"
    assert data["url"] == f"https://door.example/takedowns/{takedown}"
    assert data["edges"] == 1
    acknowledged = fleet.sql("SELECT MAX(acknowledged_at) FROM receipts WHERE method = 'purge'")[0][0]
    assert f"{acknowledged:%Y-%m-%dT%H:%M:%S}" in data["gone_at"]
    lift(fleet, takedown)
    told(fleet, receiver, takedown, "gone", "lifted")
    assert len({each["id"] for each in receiver.seen()}) == 2


def test_an_edge_that_is_away_is_named_and_no_takedown_is_called_gone(fleet: Fleet, receiver: Receiver) -> None:
    with frozen(fleet.edge):
        takedown = ban(fleet)
        told(fleet, receiver, takedown, "late")
        (missing,) = receiver.seen()[0]["body"]["data"]["missing"]
        assert missing["edge"] == "edge1"
        assert "too slow" in missing["problem"]
        # Its lease ended meanwhile: the image is not shown, although it is not gone.
        assert missing["trusts_its_cache"] is False
        assert missing["trust_ends_by"] < receiver.seen()[0]["body"]["timestamp"]
    told(fleet, receiver, takedown, "late", "gone")


def test_a_ban_that_is_lifted_before_it_was_gone_is_never_told_to_be_gone(fleet: Fleet, receiver: Receiver) -> None:
    with frozen(fleet.edge):
        takedown = ban(fleet)
        wait_until(lambda: fleet.number("SELECT COUNT(*) FROM webhook_watches") == 1, "the ban is watched")
        lift(fleet, takedown)
        told(fleet, receiver, takedown, "lifted")
    after = ban(fleet)
    told(fleet, receiver, after, "gone")
    told(fleet, receiver, takedown, "lifted")


def test_a_receiver_that_was_away_gets_everything_once_in_order(fleet: Fleet, receiver: Receiver) -> None:
    receiver.stop()
    takedowns = [ban(fleet) for _ in range(5)]
    wait_until(lambda: waiting(fleet) == 5, "all are gone")
    for takedown in takedowns:
        lift(fleet, takedown)
    wait_until(lambda: waiting(fleet) == 10, "everything waits")
    wait_until(
        lambda: fleet.number("SELECT COUNT(*) FROM webhooks WHERE problem LIKE %s", "%refused%"), "a try that failed"
    )
    assert fleet.number("SELECT MAX(due_at > UTC_TIMESTAMP(6)) FROM webhooks") == 1
    receiver.start()
    try_now(fleet)
    for takedown in takedowns:
        told(fleet, receiver, takedown, "gone", "lifted")
    assert len(receiver.taken()) == 10


@pytest.mark.parametrize("mode", ["500", "429", "redirect", "slow head", "endless head"])
def test_what_is_not_taken_is_told_later(fleet: Fleet, receiver: Receiver, mode: str) -> None:
    receiver.behave(mode)
    takedown = ban(fleet)
    failed = "SELECT COUNT(*) FROM webhook_events WHERE state = 'waiting' AND attempts > 0"
    wait_until(lambda: fleet.number(failed) == 1, "a try that failed")
    assert all(each["path"] != "/elsewhere" for each in receiver.seen())
    receiver.behave("ok")
    try_now(fleet)
    told(fleet, receiver, takedown, "gone")
    assert len({each["id"] for each in receiver.seen()}) == 1


def test_a_body_without_an_end_is_not_read(fleet: Fleet, receiver: Receiver) -> None:
    receiver.behave("endless body")
    for takedown in [ban(fleet), ban(fleet)]:
        told(fleet, receiver, takedown, "gone")


def test_an_event_that_is_refused_holds_up_only_its_own_takedown(fleet: Fleet, receiver: Receiver) -> None:
    takedown = ban(fleet)
    receiver.behave(f"refuse {takedown}")
    wait_until(lambda: any(not each["taken"] for each in receiver.seen()) or receiver.taken(takedown), "a try")
    if receiver.taken(takedown):
        pytest.skip("it was told before the receiver could refuse")
    lift(fleet, takedown)
    other = ban(fleet)
    told(fleet, receiver, other, "gone")
    assert receiver.taken(takedown) == []
    receiver.behave("ok")
    try_now(fleet)
    told(fleet, receiver, takedown, "gone", "lifted")


def test_an_event_that_is_given_up_is_listed_is_a_problem_and_can_be_told_again(
    fleet: Fleet, receiver: Receiver
) -> None:
    receiver.behave("500")
    takedown = ban(fleet)
    wait_until(lambda: waiting(fleet) == 1, "an event")
    fleet.sql("UPDATE webhook_events SET attempts = 26")

    def given_up() -> bool:
        try_now(fleet)
        return waiting(fleet) == 0

    wait_until(given_up, "the event is given up")
    (dead,) = json.loads(fleet.purger.run("webhook", "events", "cases", "--state", "dead", "--json").stdout)
    assert dead["takedown"] == takedown
    assert dead["problem"] == "it answered 500"
    status = fleet.purger.run("status")
    assert status.returncode == 3
    assert "PROBLEM: webhook cases: 1 event given up" in status.stdout
    receiver.behave("ok")
    fleet.purger.run("webhook", "enable", "cases").check_returncode()
    assert fleet.purger.run("webhook", "replay", "cases").stdout == "1 event is told again\n"
    told(fleet, receiver, takedown, "gone")
    again = fleet.purger.run("webhook", "replay", "cases", "--event", dead["event"])
    assert again.stdout == "1 event is told again\n"
    told(fleet, receiver, takedown, "gone", "gone")


def test_a_growing_queue_is_a_problem(fleet: Fleet, receiver: Receiver) -> None:
    receiver.behave("503")
    takedown = ban(fleet)
    wait_until(lambda: waiting(fleet) == 1, "an event")
    fleet.sql("UPDATE webhook_events SET created_at = created_at - INTERVAL 1 HOUR")
    status = fleet.purger.run("status")
    assert "PROBLEM: webhook cases: 1 event not told, the oldest for 60 min" in status.stdout
    assert "from=edges" not in status.stdout
    receiver.behave("ok")
    try_now(fleet)
    told(fleet, receiver, takedown, "gone")


def test_a_secret_is_replaced_while_receivers_know_either(fleet: Fleet, receiver: Receiver, tmp_path: Path) -> None:
    old = (tmp_path / "secret").read_text()
    (tmp_path / "secret").write_text(f"{new_secret()}\n{old}\n")
    told(fleet, receiver, ban(fleet), "gone")
    assert receiver.seen()[0]["signature"].count("v1,") == 2
    (tmp_path / "secret").write_text(new_secret())
    takedown = ban(fleet)
    wait_until(lambda: [each for each in receiver.seen() if not each["right"]], "a signature that does not verify")
    assert receiver.taken(takedown) == []


def test_a_purger_that_is_killed_between_any_two_steps_loses_nothing(fleet: Fleet, receiver: Receiver) -> None:
    takedowns = []
    for _ in range(6):
        takedowns += [ban(fleet) for _ in range(10)]
        fleet.purger.kill()
        takedowns.append(ban(fleet))
        lift(fleet, takedowns[0])
        fleet.purger.start()
    fleet.edge.wait_trusted()
    wait_until(lambda: {each for each, _ in receiver.taken()} == set(takedowns), "each takedown is told")
    wait_until(lambda: waiting(fleet) == 0, "nothing waits")
    for takedown in takedowns[1:]:
        assert set(receiver.taken(takedown)) == {(takedown, "gone")}


def test_each_ban_of_a_bulk_is_told_once(fleet: Fleet, receiver: Receiver) -> None:
    before = fleet.number("SELECT COALESCE(MAX(id), 0) FROM bans")
    rows = ", ".join(f"('image', 'bulk{number}')" for number in range(1200))
    fleet.sql(f"INSERT INTO bans (scope, subject) VALUES {rows}")
    after = fleet.number("SELECT MAX(id) FROM bans")
    wait_until(lambda: len(receiver.taken()) >= after - before, "each is told")
    assert sorted(receiver.taken()) == [(ban, "gone") for ban in range(before + 1, after + 1)]


def test_two_purgers_tell_each_event_once(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(new_secret())
    with PurgerGroup(tmp_path, edges=2) as group, Receiver(tmp_path / "receiver", secret) as receiver:
        first, second = group.new_purger(), group.new_purger()
        with first, second:
            group.wait_shares({first: 1, second: 1})
            add = ("webhook", "add", "cases", "--url", receiver.url, "--secret-file", str(secret))
            first.run(*add).check_returncode()
            for _ in range(20):
                group.ban()
            wait_until(lambda: len(set(receiver.taken())) == 20, "each is told")
            assert max(Counter(receiver.taken()).values()) == 1
            first.kill()
            group.ban()
            wait_until(lambda: len(set(receiver.taken())) == 21, "the other tells")
