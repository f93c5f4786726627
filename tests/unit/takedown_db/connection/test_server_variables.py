"""Recognise servers that may lag by their variables, and determine the names of servers, clusters and groups."""

import pytest

from takedown_db.connection.server_variables import (
    LONGEST,
    DisorderedError,
    NotPrimaryError,
    require_ordered,
    require_primary,
    server_of,
)

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
    require_primary(variables)


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
    with pytest.raises(NotPrimaryError, match=advice):
        require_primary(variables)


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
    require_ordered(variables)


@pytest.mark.parametrize("prefix", ["replica", "slave"])
@pytest.mark.parametrize("off", ["OFF", "0"])
def test_a_replica_that_may_change_the_order_of_commits_is_refused_with_advice(prefix: str, off: str) -> None:
    with pytest.raises(DisorderedError, match="replica_preserve_commit_order"):
        require_ordered({f"{prefix}_preserve_commit_order": off, f"{prefix}_parallel_workers": "4"})


ALONE = {"hostname": "db1", "port": "3306", "datadir": "/var/lib/mysql/", "server_id": "1"}
MYSQL = {**ALONE, "server_uuid": "6f0c"}
NODE = {**ALONE, "wsrep_on": "ON", "wsrep_cluster_name": "images", "wsrep_cluster_state_uuid": "11f1"}
MEMBER = {**MYSQL, "group_replication_group_name": "5d0e", "member_state": "ONLINE"}


@pytest.mark.parametrize(
    ("name", "value"),
    [("hostname", "db2"), ("port", "3307"), ("datadir", "/copy/"), ("server_id", "2"), ("server_uuid", "7a1d")],
)
def test_a_copy_names_itself_otherwise(name: str, value: str) -> None:
    assert server_of({**MYSQL, name: value}) != server_of(MYSQL)


def test_an_upgrade_or_a_setting_changes_no_name() -> None:
    assert server_of({**MYSQL, "version": "9.7", "wsrep_on": "OFF", "wsrep_cluster_name": "images"}) == server_of(MYSQL)


@pytest.mark.parametrize("whole", [NODE, MEMBER])
def test_every_node_of_a_cluster_or_group_has_its_name(whole: dict[str, str]) -> None:
    other = {**whole, "hostname": "db2", "port": "3307", "datadir": "/d/", "server_id": "2", "server_uuid": "7a1d"}
    assert server_of(other) == server_of(whole)
    assert server_of(whole) != server_of(MYSQL)


@pytest.mark.parametrize(
    ("whole", "name"),
    [(NODE, "wsrep_cluster_name"), (NODE, "wsrep_cluster_state_uuid"), (MEMBER, "group_replication_group_name")],
)
def test_another_cluster_or_group_has_another_name(whole: dict[str, str], name: str) -> None:
    assert server_of({**whole, name: "other"}) != server_of(whole)


def test_a_node_outside_of_its_cluster_speaks_for_nobody() -> None:
    with pytest.raises(NotPrimaryError, match="wait until it has joined"):
        server_of({**NODE, "wsrep_cluster_state_uuid": ""})


@pytest.mark.parametrize("state", ["OFFLINE", "RECOVERING", "ERROR", "UNREACHABLE"])
def test_a_server_outside_of_its_group_speaks_for_nobody(state: str) -> None:
    with pytest.raises(NotPrimaryError, match=f"no member of its replication group now .{state}.: wait until"):
        server_of({**MEMBER, "member_state": state})


def test_a_server_whose_plugin_runs_no_group_speaks_for_nobody() -> None:
    with pytest.raises(NotPrimaryError, match="OFFLINE"):
        server_of({**MYSQL, "group_replication_group_name": "5d0e"})


def test_a_member_without_a_group_is_a_server() -> None:
    assert server_of({**MEMBER, "group_replication_group_name": ""}) == server_of(MYSQL)


def test_a_name_is_short_and_printable_and_says_all_the_same() -> None:
    names = {server_of({**MYSQL, "datadir": "/\n" + 200 * "ä" + end}) for end in ("x/", "y/", 300 * "z" + "/")}
    assert len(names) == 3
    assert all(len(name) <= LONGEST and name.isprintable() for name in names)
