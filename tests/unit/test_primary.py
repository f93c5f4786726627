"""Which servers may be behind."""

import pytest

from database.primary import NotPrimaryError, why_behind

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
    assert why_behind(variables) is None


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
def test_one_that_may_be_behind_is_refused_with_advice(variables: dict[str, str], advice: str) -> None:
    reason = why_behind(variables)
    assert reason is not None
    assert advice in str(NotPrimaryError(reason))
