"""Claim edges in a real database: each has one purger, and only that one records what it has acknowledged."""

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from purger.fleet.sharing import Sharing
from purger.model import Receipt, SavedProgress
from purger.records.recorder import Recorder
from stack.databases.database import Database
from stack.processes.waiting import PATIENCE
from takedown_db.connection.lasting_connection import Connection

NAMES = ["lima", "oslo", "paris", "rome"]


class Claims(ExitStack):
    """The rows of four edges, and purgers that sign and claim when the test says so."""

    def __init__(self, database: Database) -> None:
        super().__init__()
        self.database = database
        self.sql("DELETE FROM purgers")
        self.sql("DELETE FROM receipts")
        self.sql("UPDATE numbering SET last_batch = 45")
        for name in NAMES:
            self.sql(
                "REPLACE INTO edges (name, purge_url, public_url, token_file, instance, acknowledged) "
                f"VALUES ('{name}', 'p', 'q', '/t', 'one', 9)"
            )

    def sql(self, text: str) -> list[tuple[object, ...]]:
        with self.database.connect_admin() as connection, connection.cursor() as cursor:
            cursor.execute(text)
            return [tuple(row) for row in cursor.fetchall()] if cursor.description else []

    def connection(self) -> Connection:
        connection = Connection(self.database.url("purger"), timeout=30)
        self.callback(connection.close)
        return connection

    def new_purger(self) -> Sharing:
        """Make a purger whose thread does not run; ``work`` signs and claims once."""
        sharing = Sharing(self.connection(), threading.Event(), wake=lambda: None)
        sharing.polled()
        return sharing

    def owners(self) -> dict[str, object]:
        return {str(name): owner for name, owner in self.sql("SELECT name, purger FROM edges")}

    def of(self, purger: Sharing) -> list[str]:
        return [name for name, owner in self.owners().items() if owner == purger.purger]

    def forget(self, purger: Sharing) -> None:
        """Date the last signature of a purger an hour back, as if it had been killed then."""
        self.sql(f"UPDATE purgers SET seen_at = seen_at - INTERVAL 1 HOUR WHERE id = '{purger.purger}'")

    def record(self, purger: str | None) -> None:
        """Let the recorder of a purger write progress, a receipt and liveness of paris."""
        stopped = threading.Event()
        stopped.set()
        recorder = Recorder(self.connection(), delay=0.0, stop=stopped, usable=lambda: True, purger=purger)
        saved = SavedProgress("one", 17, 17, 17, 17, "all", flush_done=3)
        recorder.acknowledged("paris", saved, receipts=[Receipt("paris", 10, 17, "purge", "one", 1.0)])
        recorder.alive("paris", seen_at=5.0, epoch=None, problem="too slow: by a purger")
        recorder.run()

    def recorded(self) -> list[tuple[object, ...]]:
        return self.sql(
            "SELECT acknowledged, problem, (SELECT COUNT(*) FROM receipts WHERE edge = 'paris') FROM edges "
            "WHERE name = 'paris'"
        )


@pytest.fixture
def claims(database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[Claims]:
    # A purger that has signed stays present for longer than a busy machine may hold the next step up, and none is ever
    # steady: a test says itself which purger is gone.
    for name in ("sharing._POLLED", "sharing.CLAIM", "present_purgers.CLAIM"):
        monkeypatch.setattr(f"purger.fleet.{name}", PATIENCE)
    monkeypatch.setattr("purger.fleet.sharing._STEADY", float("inf"))
    with Claims(database) as claims:
        yield claims


def test_one_claims_all_at_its_first_signature_and_a_second_one_none_of_a_purger_that_is_present(
    claims: Claims,
) -> None:
    first, second = claims.new_purger(), claims.new_purger()
    first.work()
    assert claims.of(first) == NAMES
    second.work()
    assert claims.of(first) == NAMES
    assert first.take_change()
    assert all(first.holds(name) for name in NAMES)
    assert not any(second.holds(name) for name in NAMES)


def test_an_edge_is_claimed_from_a_purger_that_is_gone_and_from_nobody(claims: Claims) -> None:
    first, second, third = (claims.new_purger() for _ in range(3))
    first.work()
    claims.forget(first)
    claims.sql("UPDATE edges SET purger = NULL WHERE name = 'rome'")
    second.work()
    assert claims.of(second) == NAMES
    third.work()
    first.work()
    assert claims.of(second) == NAMES
    assert not any(first.holds(name) for name in NAMES)
    assert first.take_change()


def test_edges_are_claimed_by_the_one_that_has_the_fewest(claims: Claims) -> None:
    first, second = claims.new_purger(), claims.new_purger()
    for purger in (first, second):
        claims.sql("UPDATE edges SET enabled = FALSE WHERE name IN ('paris', 'rome')")
        purger.work()
    claims.sql("UPDATE edges SET enabled = TRUE")
    first.work()
    assert claims.of(first) == ["lima", "oslo"]
    second.work()
    assert claims.of(second) == ["paris", "rome"]


def test_a_claim_of_what_another_one_has_claimed_since_changes_nothing(claims: Claims) -> None:
    claims.sql("UPDATE edges SET purger = 'other' WHERE name = 'oslo'")
    moves = '[["lima", null], ["oslo", null], ["paris", "nobody"]]'
    assert claims.connection().run("claim_edges", moves=moves, purger="me") == 1
    assert claims.owners() == {"lima": "me", "oslo": "other", "paris": None, "rome": None}


def test_a_purger_that_ends_gives_its_own_edges_back(claims: Claims) -> None:
    first = claims.new_purger()
    first.work()
    claims.sql("UPDATE edges SET purger = 'other' WHERE name = 'oslo'")
    first.finish()
    assert claims.owners() == {"lima": None, "oslo": "other", "paris": None, "rome": None}
    assert claims.sql("SELECT * FROM purgers") == []


def test_a_purger_whose_polls_fail_signs_nothing(claims: Claims, monkeypatch: pytest.MonkeyPatch) -> None:
    late = Sharing(claims.connection(), threading.Event(), wake=lambda: None)
    late.work()
    assert claims.sql("SELECT * FROM purgers") == []
    late.polled()
    with monkeypatch.context() as context:
        context.setattr("purger.fleet.sharing._POLLED", -1.0)
        late.work()
        assert claims.sql("SELECT * FROM purgers") == []
    late.polled()
    late.work()
    assert claims.sql("SELECT id FROM purgers") == [(late.purger,)]


def test_a_purger_that_knows_of_another_holds_nothing_when_its_signature_is_old(
    claims: Claims, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = claims.new_purger(), claims.new_purger()
    first.work()
    monkeypatch.setattr("purger.fleet.sharing.CLAIM", 0.0)
    assert first.holds("lima"), "it is alone, as far as it knows"
    second.work()
    first.work()
    assert not first.holds("lima")
    assert not first.leads()


def test_signatures_that_leave_no_time_to_follow_an_edge_are_logged_once(
    claims: Claims, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    first, second = claims.new_purger(), claims.new_purger()
    with monkeypatch.context() as patched:
        patched.setattr("purger.fleet.sharing.CLAIM", 0.0)
        for _ in range(4):
            first.work()
        assert caplog.messages == [], "a purger that is alone has time"
        second.work()
        for _ in range(5):
            first.work()
    (said,) = caplog.messages
    assert re.search(r"the share of the edges is too slow: a signature takes \d+\.\d s\.", said)
    assert "fall to fail-safe mode. Run the purgers beside the database, or only one" in said
    first.work()
    assert caplog.messages[1:] == ["the share of the edges is no longer too slow"]


def test_each_signature_is_counted(claims: Claims) -> None:
    purger = claims.new_purger()
    for beat in (1, 2, 3):
        purger.work()
        assert claims.sql("SELECT beat FROM purgers") == [(beat,)]


def test_one_of_several_leads(claims: Claims) -> None:
    purgers = [claims.new_purger() for _ in range(3)]
    for _ in range(2):
        for purger in purgers:
            purger.work()
    assert [purger.leads() for purger in purgers].count(True) == 1


@pytest.mark.parametrize("owner", ["'me'", "NULL"])
def test_what_is_noted_of_an_own_edge_is_recorded_also_after_it_was_given_back(claims: Claims, owner: str) -> None:
    claims.sql(f"UPDATE edges SET purger = {owner}")
    claims.record("me")
    assert claims.recorded() == [(17, "too slow: by a purger", 1)]


@pytest.mark.parametrize("purger", ["me", None])
def test_what_is_noted_of_the_edge_of_another_purger_is_dropped(claims: Claims, purger: str | None) -> None:
    claims.sql("UPDATE edges SET purger = 'other', flush_asked = 4, flush_done = 0 WHERE name = 'paris'")
    claims.record(purger)
    assert claims.recorded() == [(9, None, 0)]


def test_a_claim_waits_for_the_record_of_the_purger_before(claims: Claims) -> None:
    """The next purger reads the progress after its claim, and so after the last record of the one before."""
    claims.sql("UPDATE edges SET purger = 'me'")
    mine, other = claims.connection(), claims.connection()
    done = threading.Event()

    def claim(run: Callable[..., int] = other.run) -> None:
        run("claim_edges", moves='[["oslo", "me"], ["paris", "me"]]', purger="other")
        done.set()

    with mine.transaction() as cursor:
        cursor.execute("SELECT 1")
        cursor.fetchall()
        assert sorted(mine.rows("lock_edges", names='["paris", "rome"]')) == [("paris", "me"), ("rome", "me")]
        thread = threading.Thread(target=claim)
        thread.start()
        assert not done.wait(0.5)
        assert mine.rows("lock_edges", names='["paris"]') == [("paris", "me")]
    thread.join(30)
    assert claims.owners() == {"lima": "me", "oslo": "other", "paris": "other", "rome": "me"}
