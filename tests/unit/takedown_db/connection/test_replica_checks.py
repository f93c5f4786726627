"""Recognise servers that may lag by their variables."""

import pytest

from takedown_db.connection.replica_checks import DisorderedError, NotPrimaryError, disorder_reason, lag_reason

_GROUP = {"group_replication_group_name": "5d0e", "group_replication_single_primary_mode": "OFF"}


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"read_only": "OFF"},
        {"read_only": "0"},
        {"read_only": "OFF", "wsrep_on": "OFF", "wsrep_sync_wait": "0"},
        {"wsrep_on": "ON", "wsrep_sync_wait": "1"},
        {"wsrep_on": "ON", "wsrep_sync_wait": "7"},
        {**_GROUP, "group_replication_consistency": "BEFORE"},
        {**_GROUP, "group_replication_single_primary_mode": "ON", "group_replication_consistency": "EVENTUAL"},
        {**_GROUP, "group_replication_group_name": "", "group_replication_consistency": "EVENTUAL"},
    ],
)
def test_a_server_that_shows_what_was_committed_is_taken(variables: dict[str, str]) -> None:
    assert lag_reason(variables) is None


@pytest.mark.parametrize(
    ("variables", "advice"),
    [
        ({"read_only": "ON"}, "connect to the primary"),
        ({"read_only": "NO_LOCK"}, "connect to the primary"),
        ({"read_only": "NO_LOCK_NO_ADMIN"}, "connect to the primary"),
        ({"read_only": "OFF", "wsrep_on": "ON", "wsrep_sync_wait": "0"}, "wsrep_sync_wait"),
        ({"wsrep_on": "ON", "wsrep_sync_wait": "6"}, "wsrep_sync_wait"),
        ({**_GROUP, "group_replication_consistency": "EVENTUAL"}, "group_replication_consistency"),
        ({**_GROUP, "group_replication_consistency": "BEFORE_ON_PRIMARY_FAILOVER"}, "group_replication_consistency"),
    ],
)
def test_a_server_that_may_lag_is_refused_with_advice(variables: dict[str, str], advice: str) -> None:
    reason = lag_reason(variables)
    assert reason is not None
    assert advice in str(NotPrimaryError(reason))


@pytest.mark.parametrize(
    "variables",
    [
        {},
        {"replica_preserve_commit_order": "ON", "replica_parallel_workers": "4"},
        {"replica_preserve_commit_order": "OFF", "replica_parallel_workers": "1"},
        {"slave_preserve_commit_order": "OFF", "slave_parallel_workers": "0"},
        {"slave_preserve_commit_order": "1", "slave_parallel_workers": "4"},
    ],
)
def test_a_replica_that_keeps_the_order_of_commits_is_taken(variables: dict[str, str]) -> None:
    assert disorder_reason(variables) is None


@pytest.mark.parametrize("prefix", ["replica", "slave"])
@pytest.mark.parametrize("off", ["OFF", "0"])
def test_a_replica_that_may_change_the_order_of_commits_is_refused_with_advice(prefix: str, off: str) -> None:
    reason = disorder_reason({f"{prefix}_preserve_commit_order": off, f"{prefix}_parallel_workers": "4"})
    assert reason is not None
    assert "replica_preserve_commit_order" in str(DisorderedError(reason))
