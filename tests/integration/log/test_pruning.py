"""Prune and redact leaves: hashes stay, old proofs hold, bans that stand can be proven, and an audit is clean."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from click.testing import CliRunner

from purger.cli.main import cli
from purger.model import ProbeResult
from stack.databases.database import Database
from tests.support.log.logged_past import EDGES, LoggedPast


@pytest.fixture(scope="module")
def running(database: Database) -> Iterator[LoggedPast]:
    with LoggedPast(database) as past:
        yield past


@pytest.fixture
def past(running: LoggedPast) -> LoggedPast:
    """Begin a new log with one ban that is lifted later, one that stands, and a change of an image, a batch each."""
    running.reset()
    running.ban("lifted")
    running.tell()
    running.ban("stands")
    running.tell()
    running.sql("INSERT INTO images (code, owner) VALUES ('a1', 'alice')", by="import")
    running.tell()
    running.write()
    running.sql("UPDATE bans SET lifted_at = UTC_TIMESTAMP(3) WHERE subject = 'lifted'", by="moderation")
    running.tell()
    running.write()
    return running


def contents(past: LoggedPast) -> dict[str, int]:
    """Count the leaves that have contents, by kind."""
    rows = past.sql("SELECT kind, COUNT(content) FROM log_leaves GROUP BY kind")
    return {str(kind): int(number) for kind, number in rows}


def subjects(past: LoggedPast) -> list[Any]:
    """Return the subjects of the acts whose leaves have contents."""
    rows = past.sql("SELECT openings FROM log_leaves WHERE kind = 'event' AND content IS NOT NULL ORDER BY leaf")
    return [json.loads(openings)["subject"][0] for (openings,) in rows]


def clean(past: LoggedPast) -> bool:
    report = past.audit()
    assert [finding.text() for finding in report.findings] == []
    return report.not_checked == []


def test_young_leaves_are_kept(past: LoggedPast) -> None:
    past.age(20)
    assert past.prune() == 0
    assert contents(past)["batch"] == 4


def test_after_a_month_the_leaves_of_changes_of_images_go_and_those_of_acts_stay(past: LoggedPast) -> None:
    past.age(100)
    past.tell_something_new()
    assert past.prune() == 2  # the batch, and the acknowledgements of it
    assert contents(past)["event"] == 3
    past.age(-100, until=4)  # another time of a batch is an alteration
    assert clean(past)
    assert past.audit().leaves_pruned > 0


def test_of_acts_past_their_retention_those_on_a_ban_that_stands_stay(past: LoggedPast) -> None:
    before = past.prove("stands"), past.prove("lifted")
    past.age(500)
    past.tell_something_new()
    assert past.prune() > 0
    assert subjects(past) == ["stands"]
    assert contents(past)["seen"] == 1
    assert clean(past)
    assert all(past.holds(proof) for proof in before)
    assert past.tells(past.prove("stands")) == [("ban", ["edge1", "edge2"])]
    assert past.prove("lifted") is None


def test_once_a_ban_is_lifted_and_its_lift_is_past_its_retention_all_of_it_goes(past: LoggedPast) -> None:
    past.age(500)
    past.tell_something_new()
    past.prune()
    past.sql("UPDATE bans SET lifted_at = UTC_TIMESTAMP(3) WHERE subject = 'stands'", by="moderation")
    past.tell()
    past.write()
    past.prune()
    assert subjects(past) == ["stands", "stands"]
    past.age(500)
    past.tell_something_new()
    past.prune()
    assert subjects(past) == []
    assert clean(past)


def test_a_subject_that_is_banned_again_after_its_acts_were_pruned_is_no_alteration(past: LoggedPast) -> None:
    past.age(500)
    past.tell_something_new()
    past.prune()
    past.sql("UPDATE bans SET lifted_at = NULL WHERE subject = 'lifted'", by="moderation")
    past.ban("lifted")
    past.tell()
    past.write()
    assert clean(past)


def test_contents_that_went_without_a_record_are_an_alteration(past: LoggedPast) -> None:
    past.sql("UPDATE log_leaves SET content = NULL, openings = NULL WHERE leaf = 3")
    told = [finding.text() for finding in past.audit().findings]
    assert told == ["log_leaves 3, content: the log says it was not pruned, the database has none"]


def test_names_and_reasons_can_be_redacted_and_the_proof_goes_on_to_hold(past: LoggedPast) -> None:
    before = past.prove("stands")
    ran = CliRunner().invoke(
        cli, ["redact", "stands", "--yes"], env={"PURGER_ADMIN_URL": past.database.admin_url()}, catch_exceptions=False
    )
    assert (ran.exit_code, ran.output) == (0, "erased values of 1 leaf of image stands\n")
    ((openings,),) = past.sql(
        "SELECT openings FROM log_leaves JOIN moderation_log ON kind = 'event' AND source = id WHERE subject = 'stands'"
    )
    assert list(json.loads(openings)) == ["subject"]
    assert clean(past)  # also before the record has its place
    past.write()
    assert clean(past)
    assert past.audit().leaves_erased == 1
    assert past.holds(before)
    assert past.tells(past.prove("stands")) == [("ban", ["edge1", "edge2"])]


def test_openings_that_went_without_a_record_are_an_alteration(past: LoggedPast) -> None:
    past.sql("UPDATE log_leaves SET openings = NULL WHERE kind = 'event' ORDER BY leaf LIMIT 1")
    (told,) = [finding.text() for finding in past.audit().findings]
    assert "openings: account, banned_by, reason, subject: the log says there are values, and none was erased" in told


def test_a_subject_that_was_redacted_cannot_be_proven_and_is_clean(past: LoggedPast) -> None:
    ran = CliRunner().invoke(
        cli,
        ["redact", "stands", "--subject-too"],
        input="y\n",
        env={"PURGER_ADMIN_URL": past.database.admin_url()},
    )
    assert ran.exit_code == 0
    past.write()
    assert clean(past)
    kept = past.sql("SELECT COUNT(*) FROM log_leaves WHERE kind = 'batch' AND INSTR(openings, 'purges') > 0")
    assert kept == [(3,)]  # the hash of the fourth batch's rows would tell whoever tries subjects


def test_a_proof_has_no_hash_of_the_rows_of_a_batch_which_may_name_other_subjects(past: LoggedPast) -> None:
    proof = past.prove("stands")
    assert proof is not None
    told = [leaf for leaf in proof.leaves if '"kind":"batch"' in leaf.leaf]
    assert all("purges:" in leaf.leaf and not leaf.openings for leaf in told)
    assert told


def test_the_hash_of_a_batch_that_purged_a_subject_without_an_act_is_erased_with_it(past: LoggedPast) -> None:
    past.sql("INSERT INTO invalidations (scope, subject, cause) VALUES ('image', 'stands', 'resend')", by="purger")
    past.tell()
    past.write()
    env = {"PURGER_ADMIN_URL": past.database.admin_url()}
    CliRunner().invoke(cli, ["redact", "stands", "--subject-too", "--yes"], env=env, catch_exceptions=False)
    kept = past.sql("SELECT source FROM log_leaves WHERE kind = 'batch' AND openings IS NOT NULL ORDER BY source")
    assert kept == [(1,), (3,), (4,)]
    past.write()
    assert clean(past)


def test_a_purge_that_is_added_to_a_batch_past_its_retention_is_named(past: LoggedPast) -> None:
    past.age(100)
    past.tell_something_new()
    past.prune()
    past.age(-100, until=4)
    assert past.sql("SELECT outbox_batch FROM retention") == [(4,)]
    past.sql("INSERT INTO invalidations (scope, subject, cause, ban_id) VALUES ('image', 'x', 'ban', 1)")
    past.sql("UPDATE invalidations SET batch = 2 WHERE batch IS NULL")
    ((row,),) = past.sql("SELECT MAX(id) FROM invalidations")
    assert [finding.text() for finding in past.audit().findings] == [
        f"invalidations {row}: the log says no such row, the database has one"
    ]


def test_what_a_log_that_begins_late_finds_is_no_alteration(past: LoggedPast) -> None:
    """Let a log begin over rows that are older than it, and a probe then find other results than they have."""
    for table in ("log_leaves", "log_entries", "log_nodes", "log_events", "log_checkpoints", "log_keys", "log_state"):
        past.sql(f"TRUNCATE TABLE {table}")
    past.sql("INSERT INTO log_state (one) VALUES (1)")
    past.sql("UPDATE sightings SET gone = FALSE, status = 200 WHERE edge = 'edge1'")
    past.write()
    ids = [row for (row,) in past.sql("SELECT DISTINCT invalidation FROM sightings")]
    now = time.time() + 1
    gone = [ProbeResult(edge, row, at=now, status=410, gone=True) for edge in EDGES for row in ids]
    past.record(probes=gone)
    past.write()
    assert past.sql("SELECT DISTINCT gone FROM sightings") == [(1,)]
    assert clean(past)
    past.sql("UPDATE sightings SET status = 404 WHERE edge = 'edge1'")
    assert past.audit().altered == len(ids)


def test_only_one_who_may_do_everything_redacts(past: LoggedPast) -> None:
    ran = CliRunner().invoke(cli, ["redact", "stands", "--yes"], env={"PURGER_ADMIN_URL": past.database.url("purger")})
    assert ran.exit_code == 1
    assert "denied" in ran.output


def test_more_acts_without_a_purge_than_are_read_at_once_are_all_in_the_log(
    past: LoggedPast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Let a moderator rewrite 1,200 reasons, which purges nothing, while no purger runs for an hour."""
    monkeypatch.setattr("purger.signed_log.writer._SETTLED", 0)
    values = ", ".join(f"('image', 'many-{number}', '')" for number in range(1200))
    past.sql(f"INSERT INTO bans (scope, subject, reason) VALUES {values}", by="moderation")
    past.sql("UPDATE bans SET reason = 'court order' WHERE subject LIKE 'many-%'", by="moderation")
    past.tell(edges=())
    monkeypatch.setattr(past.writer, "_settled_due", 0.0)
    past.write()
    assert past.sql("SELECT COUNT(*) FROM log_leaves WHERE kind = 'event' AND source > 1000") != [(0,)]
    assert [finding.text() for finding in past.audit().findings] == []
