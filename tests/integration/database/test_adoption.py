"""Adopt a server: a purger acts only on this one, and does nothing on a copy or a replica until its adoption."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from stack.databases.database import Database
from stack.processes.waiting import wait_until
from tests.support.database.replica import Primary, Replica
from tests.support.database.snapshots import second_server
from tests.support.purgers.repointed_purger import MovingDatabase, sql


@pytest.fixture
def site(tmp_path: Path) -> Iterator[MovingDatabase]:
    with Database(tmp_path / "database", migrated=True) as database, MovingDatabase(tmp_path, database) as site:
        yield site


def test_a_purger_on_a_copy_numbers_sends_and_vouches_for_nothing(site: MovingDatabase, tmp_path: Path) -> None:
    copy = site.enter_context(second_server(site.database, tmp_path / "copy"))
    site.purger.stop()
    site.point_to(copy)
    site.ban(copy, "on-the-copy")
    signed = sql(copy, "SELECT id, seen_at FROM purgers")
    purges, epoch = site.purges(), site.edge.ask("HEARTBEAT").headers["Takedown-Epoch"]
    stranger = site.enter_context(site.new_purger("stranger", copy))
    wait_until(lambda: "the database is not adopted" in stranger.log_text(), "the purger says why")
    site.wait_fail_safe()

    assert site.edge.ask("HEARTBEAT").headers["Takedown-Epoch"] == epoch
    assert site.purges() == purges
    assert sql(copy, "SELECT COUNT(*) FROM invalidations WHERE batch IS NULL") == [(1,)]
    assert sql(copy, "SELECT id, seen_at FROM purgers") == signed
    log = stranger.log_text()
    said = [line.partition("ERROR")[2] for line in log.splitlines() if "ERROR" in line]
    # Once while it lasts: a server that is held up for 2 s is unusable meanwhile.
    assert all(one != next_one for one, next_one in pairwise(said)), said
    assert all("the database is not adopted" in each or "the database is unusable" in each for each in said), said
    assert str(site.database._data) in log
    assert str(copy._data) in log
    assert "run `purger adopt` if this is the primary now, and do nothing if it is a copy" in log

    status = stranger.run("status", "--json")
    assert status.returncode == 3
    problem = json.loads(status.stdout)["problems"][0]
    assert "this is not the adopted server" in problem["what"]
    assert "`purger adopt`" in problem["do"]


def test_once_adopted_a_copy_speaks(site: MovingDatabase, tmp_path: Path) -> None:
    copy = site.enter_context(second_server(site.database, tmp_path / "copy"))
    site.ban_at_the_edge("the-copy-has-it-not")
    site.purger.stop()
    site.point_to(copy)
    stranger = site.enter_context(site.new_purger("stranger", copy))
    wait_until(lambda: "the database is not adopted" in stranger.log_text(), "the purger says why")
    site.wait_fail_safe()

    done = stranger.run("adopt", "--by", "failover")
    assert done.returncode == 0, done.stdout + done.stderr
    for told in (
        str(site.database._data),
        str(copy._data),
        "purger migrate",
        "last batch: 0",
        "edge1",
        site.edge.purge_url,
    ):
        assert told in done.stdout
    site.edge.wait_trusted()
    assert "edge edge1 is flushed" in stranger.log_text(), "it was told of a batch that the copy does not have"
    site.ban(copy, "on-the-copy")
    wait_until(lambda: sql(copy, "SELECT last_batch FROM numbering") == [(1,)], "a number")
    signed = f"SELECT COUNT(*) FROM purgers WHERE pid = {stranger.process.pid if stranger.process else 0}"
    wait_until(lambda: sql(copy, signed) == [(1,)], "a signature")
    assert [row[0] for row in sql(copy, "SELECT adopted_by FROM adoptions ORDER BY id")] == [
        "purger migrate",
        "failover",
    ]
    # A server that is held up for 2 s meanwhile is unusable, and no longer that.
    wait_until(lambda: "the database is no longer " in stranger.log_text(), "the purger says that this is over")

    again = stranger.run("adopt")
    assert (again.returncode, "nothing to do" in again.stdout) == (0, True)
    assert sql(copy, "SELECT COUNT(*) FROM adoptions") == [(2,)]


def test_migrating_a_copy_adopts_nothing(site: MovingDatabase, tmp_path: Path) -> None:
    copy = site.enter_context(second_server(site.database, tmp_path / "copy"))
    done = site.new_purger("stranger", copy).run("migrate")
    assert (done.returncode, done.stdout) == (0, "nothing to do: the schema is complete\n")
    assert sql(copy, "SELECT COUNT(*) FROM adoptions") == [(1,)]


def test_a_read_only_server_is_not_adopted(site: MovingDatabase, tmp_path: Path) -> None:
    copy = site.enter_context(second_server(site.database, tmp_path / "copy"))
    site.point_to(copy)
    with copy.connect_admin() as connection, connection.cursor() as cursor:
        cursor.execute("SET GLOBAL read_only = 1")
        done = site.purger.run("adopt")
        assert done.returncode == 1
        assert "read-only" in done.stderr
        cursor.execute("SELECT COUNT(*) FROM adoptions")
        assert cursor.fetchall() == [(1,)]


def test_a_database_whose_counter_is_lost_is_told_what_to_do(site: MovingDatabase, tmp_path: Path) -> None:
    copy = site.enter_context(second_server(site.database, tmp_path / "copy"))
    sql(copy, "DELETE FROM numbering")
    site.point_to(copy)
    done = site.purger.run("adopt")
    assert done.returncode == 1
    assert "the table numbering has lost its row; run `purger migrate`" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_failover_that_lost_a_ban_ends_trust_until_it_is_adopted_and_means_a_flush(tmp_path: Path) -> None:
    with Primary(tmp_path / "database") as database, ExitStack() as running:
        database.migrate()
        replica = running.enter_context(Replica(tmp_path / "replica", database))
        site = running.enter_context(MovingDatabase(tmp_path, database))
        site.ban_at_the_edge("the-replica-has-it")
        replica.wait_caught_up()
        with replica.behind():
            site.ban_at_the_edge("the-replica-has-it-not")
            database.kill()
            replica.promote()
        site.point_to(replica)
        wait_until(lambda: "the database is not adopted" in site.purger.log_text(), "the purger says why")
        site.wait_fail_safe()
        site.purger.run("adopt").check_returncode()
        wait_until(lambda: "edge edge1 is flushed: the database has gone back" in site.purger.log_text(), "a flush")
        assert "the database has gone back from batch 2:" in site.purger.log_text()
        site.edge.wait_trusted()
        purges = site.purges()
        site.ban(replica, "another-batch-2")
        wait_until(lambda: site.purges() >= purges + 2, "its purge, twice")
