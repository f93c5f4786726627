"""Compare a database with its signed log: a whole one is clean, and whatever is altered is named."""

import json
import os
import random
import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from purger.cli.main import cli
from purger.model import ProbeResult, Receipt
from purger.signed_log.entries import Leaf, leaves_of_receipts
from purger.signed_log.keys import LogKey
from purger.signed_log.writer import LogWriter
from stack.databases.database import Database
from takedown_log.leaves import parse_canonical
from takedown_log.signed_note import Checkpoint, SignerKey
from tests.support.log.logged_past import LoggedPast
from tests.support.log.random_changes import Changer

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
    assert report.not_checked == []
    assert report.leaves == report.signed_leaves > 30


@pytest.fixture(scope="module")
def changer(lived: LoggedPast) -> Iterator[Changer]:
    changer = Changer(lived.database.url("purger"), lived.signer.verifier(), lived.sessions, random.Random(3))
    yield changer
    changer.close()


@pytest.mark.parametrize("account", ["origin", "import", "erase", "moderation", "purger"])
def test_each_random_change_by_an_account_is_refused_recorded_or_found(changer: Changer, account: str) -> None:
    outcomes = [changer.change(account) for _ in range(NUMBER)]
    print(account, Counter(outcome.result for outcome in outcomes))
    assert {outcome.result for outcome in outcomes} <= {"refused", "recorded", "found", "missed", "nothing changed"}
    assert [outcome for outcome in outcomes if outcome.result == "missed"] == []
    assert changer.audit().altered == 0


def audit(past: LoggedPast, *arguments: str) -> Result:
    """Run `purger audit --log` with the purger's account."""
    env = {"PURGER_DATABASE_URL": past.database.url("purger"), "PURGER_LOG_KEY_FILE": None}
    return CliRunner().invoke(cli, ["audit", "--log", *arguments], env=env, catch_exceptions=False)


def test_the_command_says_that_nothing_was_altered(lived: LoggedPast) -> None:
    ran = audit(lived, "--key", str(lived.signer.verifier()))
    assert (ran.exit_code, ran.output.splitlines()[-1]) == (0, "nothing was altered")
    assert re.match(r"[\d,]+ leaves, in which [\d,]+ acts and receipts have a row; ", ran.output)
    report = json.loads(audit(lived, "--key", str(lived.signer.verifier()), "--json").output)
    assert (report["altered"], report["not_checked"], report["leaves"]) == (0, [], report["signed_leaves"])


def test_without_a_key_from_outside_an_audit_is_not_whole(lived: LoggedPast) -> None:
    ran = audit(lived)
    assert ran.exit_code == 3
    assert "not checked: Signatures were checked only by the database's own keys: give the key by --key." in ran.output


def test_the_command_names_what_was_altered_and_the_database_is_not_touched(lived: LoggedPast) -> None:
    change = "UPDATE receipts SET method = %s WHERE edge = 'edge2' AND batch = 2"
    lived.sql(change, "flush")
    ran = audit(lived, "--key", str(lived.signer.verifier()))
    assert ran.exit_code == 1
    told = "ALTERED: receipts edge edge2, batch 2, method: the log says 'purge', the database 'flush'"
    assert [line for line in ran.output.splitlines() if "ALTERED" in line] == [told]
    lived.sql(change, "purge")


def test_another_key_and_a_checkpoint_of_another_log_are_named(lived: LoggedPast, tmp_path: Path) -> None:
    other = SignerKey.generate(lived.signer.name)
    ran = audit(lived, "--key", str(other.verifier()))
    assert ran.exit_code == 1
    assert "ALTERED: log_keys all, note" in ran.output
    ((note,),) = lived.sql("SELECT note FROM log_checkpoints ORDER BY size LIMIT 1")
    held, forged = tmp_path / "held", tmp_path / "forged"
    held.write_bytes(bytes(note))
    key = str(lived.signer.verifier())
    assert audit(lived, "--key", key, "--checkpoint", str(held)).exit_code == 0
    forged.write_text(lived.signer.sign(Checkpoint(lived.signer.name, 7, bytes(32)).text()))
    ran = audit(lived, "--key", key, "--checkpoint", str(held), "--checkpoint", str(forged))
    assert ran.exit_code == 1
    assert "ALTERED: published state 2 7 (a leaf from " in ran.output


def test_a_signed_state_that_was_deleted_is_missed(lived: LoggedPast) -> None:
    ((size, note),) = lived.sql("SELECT size, note FROM log_checkpoints ORDER BY size LIMIT 1")
    ((number,),) = lived.sql("SELECT checkpoints FROM log_state")
    lived.sql("DELETE FROM log_checkpoints WHERE size = %s", size)
    assert [finding.text() for finding in lived.audit().findings] == [
        f"log_checkpoints all, number: the log says {number}, the database {number - 1}"
    ]
    lived.sql("INSERT INTO log_checkpoints (size, note) VALUES (%s, %s)", size, note)
    assert lived.audit().altered == 0


def test_a_purger_that_starts_again_signs_no_state_twice(lived: LoggedPast) -> None:
    ((number,),) = lived.sql("SELECT checkpoints FROM log_state")
    again = LogWriter(lived.connection, lived.stop, key=LogKey(lived.signer))
    again._append_some()
    assert lived.sql("SELECT checkpoints FROM log_state") == [(number,)]
    assert lived.audit().altered == 0


def test_a_later_result_whose_leaf_waits_for_its_place_is_no_alteration(lived: LoggedPast) -> None:
    ((row,),) = lived.sql("SELECT MAX(invalidation) FROM sightings WHERE edge = 'edge2' AND gone AND code = ''")
    lived.record(probes=[ProbeResult("edge2", row, at=time.time() + 9, status=200, gone=False)])
    assert [finding.text() for finding in lived.audit().findings] == []
    lived.write()
    assert [finding.text() for finding in lived.audit().findings] == []
    assert lived.sql("SELECT gone, status FROM sightings WHERE edge = 'edge2' AND invalidation = %s", row) == [(0, 200)]


def test_why_a_probe_proved_nothing_is_in_the_log_once_and_no_alteration(lived: LoggedPast) -> None:
    ((row,),) = lived.sql("SELECT MAX(id) FROM invalidations WHERE cause = 'ban' AND batch IS NOT NULL")
    for note in ("not this edge", "not this edge", "no connection in time"):
        lived.record(probes=[ProbeResult("edge1", row, note=note, tried_at=time.time())])
        lived.write()
    kept = lived.sql("SELECT content, openings FROM log_leaves WHERE kind = 'seen' AND source = %s ORDER BY leaf", row)
    told = [each for leaf in kept for each in Leaf.read(*map(bytes, leaf)).receipts]
    assert [each["note"] for each in told if "gone" not in each] == ["not this edge", "no connection in time"]
    assert [finding.text() for finding in lived.audit().findings] == []


@pytest.mark.parametrize("leaf", [0, 2**40])
def test_a_batch_of_a_leaf_that_tells_of_none_is_named(lived: LoggedPast, leaf: int) -> None:
    lived.sql("INSERT INTO log_events (leaf, batch) VALUES (%s, 1)", leaf)
    (told,) = [finding.text() for finding in lived.audit().findings]
    assert told.startswith(f"log_events {leaf}")
    lived.sql("DELETE FROM log_events WHERE leaf = %s", leaf)


@pytest.mark.parametrize("batch", [0, 2**40])
def test_a_purge_of_a_batch_that_never_was_is_named(lived: LoggedPast, batch: int) -> None:
    lived.sql("INSERT INTO invalidations (scope, subject, cause) VALUES ('image', 'x', 'ban')")
    lived.sql("UPDATE invalidations SET batch = %s WHERE batch IS NULL", batch)
    assert [finding.text() for finding in lived.audit().findings] == [
        f"invalidations of batch {batch}: the log says there is no such batch, the database has rows of it"
    ]
    lived.sql("DELETE FROM invalidations WHERE batch = %s", batch)


def test_an_audit_of_the_log_takes_no_sample(lived: LoggedPast) -> None:
    assert audit(lived, "--sample", "3").exit_code == 2
    assert audit(lived, "--key", "x").exit_code == 2


def test_a_leaf_that_the_purgers_account_makes_up_is_found(lived: LoggedPast) -> None:
    """Let the account append what an edge has not acknowledged: the log takes it, and the tables do not have it."""
    lived.sql(
        "INSERT INTO edges (name, purge_url, public_url, token_file) VALUES ('edge3', 'p', 'q', 't')", by="purger"
    )
    (leaf,) = leaves_of_receipts([Receipt("edge3", 1, 2, "purge", "v1", time.time())])
    entry = leaf.content.encode(), leaf.kept()
    lived.sql("INSERT INTO log_entries (content, openings) VALUES (%s, %s)", *entry, by="purger")
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
    print(Counter(outcome.result for outcome in outcomes))
    assert [outcome for outcome in outcomes if outcome.result == "missed"] == []
    assert sum(outcome.result == "found" for outcome in outcomes) > NUMBER / 2
