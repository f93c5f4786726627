"""Run the purger on a group of MySQL servers: it acts on the elected primary, and on no other member.

Needs MySQL 8.4 or later with the plugin group_replication: ``STACK_MYSQLD`` is the path of its mysqld, unless it is the
``mysqld`` in PATH.
"""

from pathlib import Path

import pytest

from stack.databases.replication_group import ReplicationGroup, lacking
from stack.processes.server import frozen
from stack.processes.waiting import wait_until
from tests.support.purgers.repointed_purger import MovingDatabase, sql

pytestmark = pytest.mark.skipif(bool(lacking()), reason=lacking())

_AGAIN = "the database is no longer unusable"


def moving(directory: Path, group: ReplicationGroup) -> MovingDatabase:
    """Make a site on the first member of a group, which gets the schema before."""
    group.migrate()
    return MovingDatabase(directory, group.members[0])


def test_an_elected_primary_speaks_without_adoption(tmp_path: Path) -> None:
    with ReplicationGroup(tmp_path) as group, moving(tmp_path, group) as site:
        site.ban_at_the_edge("at-the-first")
        group.members[0].kill()
        primary = group.wait_primary(but=group.members[0])
        purges = site.purges()
        site.point_to(primary)
        wait_until(lambda: _AGAIN in site.purger.log_text(), "the purger goes on")
        site.edge.wait_trusted()
        banned = site.purger.run("ban", "at-the-second", "--ahead", "--moderation-url", primary.url("moderation"))
        # 3: the purger has yet to sign its presence there.
        assert banned.returncode in {0, 3}, banned.stderr
        wait_until(lambda: site.purges() >= purges + 2, "its purge, twice")
        assert "not adopted" not in site.purger.log_text()
        assert site.purger.log_text().count("is flushed") == 1, "at its start alone"
        adopted = sql(primary, "SELECT server, adopted_by FROM adoptions")
        assert adopted == [(f"replication group {group.group_name}", "purger migrate")]
        assert sql(primary, "SELECT last_batch FROM numbering") == [(2,)]


def test_a_secondary_and_a_server_outside_of_the_group_are_refused(tmp_path: Path) -> None:
    with ReplicationGroup(tmp_path, 2) as group, moving(tmp_path, group) as site:
        secondary = group.members[1]
        site.point_to(secondary)
        for command in ("adopt", "status"):
            done = site.purger.run(command)
            assert "read-only, as replicas are: connect to the primary" in done.stdout + done.stderr
            assert done.returncode != 0
        secondary.administer("STOP GROUP_REPLICATION", "SET GLOBAL super_read_only = OFF", "SET GLOBAL read_only = OFF")
        for command in ("adopt", "status"):
            done = site.purger.run(command)
            assert "no member of its replication group now (OFFLINE)" in done.stdout + done.stderr
            assert done.returncode != 0
        assert sql(secondary, "SELECT adopted_by FROM adoptions") == [("purger migrate",)]


def test_a_primary_that_was_expelled_while_it_stood_still_vouches_for_nobody(tmp_path: Path) -> None:
    with ReplicationGroup(tmp_path, autorejoin_tries=0) as group, moving(tmp_path, group) as site:
        former = group.members[0]
        site.ban_at_the_edge("before")
        with frozen(former):
            primary = group.wait_primary(but=former)
            site.ban(primary, "the-former-has-it-not")
            site.wait_fail_safe()
            epoch = site.edge.ask("HEARTBEAT").headers["Takedown-Epoch"]
        # It takes itself for the primary until it hears of the others.
        wait_until(lambda: former.state() == "ERROR", "the former primary knows that it was expelled")
        assert site.edge.ask("HEARTBEAT").headers["Takedown-Epoch"] == epoch
        assert not site.edge.trusted()
        purges = site.purges()
        site.point_to(primary)
        wait_until(lambda: site.purges() >= purges + 2, "the purge of the ban, twice")
        site.edge.wait_trusted()


def test_a_primary_without_most_of_its_group_vouches_for_nobody(tmp_path: Path) -> None:
    with ReplicationGroup(tmp_path) as group, moving(tmp_path, group) as site:
        with frozen(group.members[1]), frozen(group.members[2]):
            # For all that it can tell, they have elected another primary.
            stuck = "the verification of heartbeats is stuck"
            wait_until(lambda: stuck in site.purger.log_text(), "the purger confirms nothing")
            site.wait_fail_safe()
            assert group.members[0].role() == "PRIMARY"
        site.edge.wait_trusted()
        assert site.purger.log_text().count("is flushed") == 1, "at its start alone"
