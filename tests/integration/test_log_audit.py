"""Compare a database with its signed log: a whole one is clean, and whatever is altered is named."""

import os
import random
import time
from collections.abc import Iterator

import pytest

from purger.model import Receipt
from purger.signed_log.entries import Leaf, leaf_of_receipt
from stack.database import Database
from takedown_log.canonical_json import parse_canonical
from tests.support.logged_past import LoggedPast
from tests.support.random_changes import NO_EVIDENCE, Changer

#: Changes by each account. 1,000 take half a minute each.
NUMBER = int(os.environ.get("TEST_LOG_CHANGES", "40"))


@pytest.fixture(scope="module")
def lived(database: Database) -> Iterator[LoggedPast]:
    with LoggedPast(database) as past:
        past.begin()
        past.live()
        yield past


def test_what_was_written_as_it_happened_is_clean(lived: LoggedPast) -> None:
    report = lived.audit()
    assert [finding.text() for finding in report.findings] == []
    assert report.unchecked == []
    assert report.leaves == report.signed > 40


@pytest.fixture(scope="module")
def changer(lived: LoggedPast) -> Iterator[Changer]:
    changer = Changer(lived.database.url("purger"), lived.signer.verifier(), lived.sessions, random.Random(3))
    yield changer
    changer.close()


@pytest.mark.parametrize("account", ["origin", "import", "erase", "moderation", "purger"])
def test_each_random_change_by_an_account_is_refused_recorded_or_found(changer: Changer, account: str) -> None:
    outcomes = [changer.change(account) for _ in range(NUMBER)]
    assert {outcome.result for outcome in outcomes} <= {"refused", "recorded", "found", "missed", "nothing changed"}
    assert [outcome for outcome in outcomes if outcome.result == "missed" and outcome.change not in NO_EVIDENCE] == []
    assert changer.audit().altered == 0


def test_a_leaf_that_the_purgers_account_makes_up_is_found(lived: LoggedPast) -> None:
    """Let the account append what no edge has acknowledged: the log takes it, and the tables do not have it."""
    leaf = leaf_of_receipt(Receipt("edge3", 1, 2, "purge", "v1", time.time()))
    lived.sql("INSERT INTO log_entries (content) VALUES (%s)", leaf.content.encode(), by="purger")
    lived.write()
    (told,) = [finding.text() for finding in lived.audit().findings]
    assert told.startswith("receipts edge edge3, batch 2: the log says there is one (leaf ")
    lived.sql("INSERT INTO receipts VALUES ('edge3', 2, 1, 'purge', 'v1', %s)", leaf_time(leaf), by="purger")
    assert lived.audit().altered == 0


def leaf_time(leaf: Leaf) -> str:
    return str(parse_canonical(leaf.content)["at"]).removesuffix("Z").replace("T", " ")


def test_each_random_change_by_an_administrator_without_triggers_is_found(lived: LoggedPast, changer: Changer) -> None:
    for (name,) in lived.sql("SELECT TRIGGER_NAME FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"):
        lived.sql(f"DROP TRIGGER {name}")
    outcomes = [changer.change("admin") for _ in range(NUMBER)]
    missed = [outcome for outcome in outcomes if outcome.result == "missed" and outcome.change not in NO_EVIDENCE]
    assert missed == []
    assert sum(outcome.result == "found" for outcome in outcomes) > NUMBER / 2
