"""Rejects servers that may lag: a stale read would refill the cache with the version that was just purged.

Where replicas are allowed (``origin serve --replica``), rejects those that may apply commits in another order.
"""

from collections.abc import Mapping

import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract

#: Selects the variables that decide a replica's order of commits: MySQL's names since 8.0.26, and the former ones.
_ORDER_VARIABLES = (
    "SHOW VARIABLES WHERE Variable_name IN ('replica_preserve_commit_order', 'slave_preserve_commit_order', "
    "'replica_parallel_workers', 'slave_parallel_workers')"
)
#: Selects the variables that tell a replica, a Galera node or a member of a group.
_LAG_VARIABLES = (
    "SHOW VARIABLES WHERE Variable_name IN ('read_only', 'wsrep_on', 'wsrep_sync_wait', "
    "'group_replication_group_name', 'group_replication_single_primary_mode', 'group_replication_consistency')"
)


class NotPrimaryError(mysql.connector.Error):
    """The server may lag. The message names the variable that shows it, and says what to do."""


class DisorderedError(mysql.connector.Error):
    """A replica may show a commit before an earlier one. The message names the setting that ends it."""


def require_ordered(cursor: MySQLCursorAbstract) -> None:
    """Raise ``DisorderedError`` when a replica may apply commits in another order than the primary."""
    if reason := disorder_reason(_variables(cursor, _ORDER_VARIABLES)):
        raise DisorderedError(reason)


def disorder_reason(variables: Mapping[str, str]) -> str | None:
    """Say why a replica with these variables may show a batch's number before all of its changes; None: it may not.

    Only MySQL has these variables. MariaDB's replicas keep the order, except of a primary that writes in several GTID
    domains.
    """
    workers = variables.get("replica_parallel_workers") or variables.get("slave_parallel_workers") or "0"
    kept = variables.get("replica_preserve_commit_order") or variables.get("slave_preserve_commit_order")
    if kept in {"OFF", "0"} and int(workers) > 1:
        return "the replica may apply commits in another order: set replica_preserve_commit_order to ON"
    return None


def require_primary(cursor: MySQLCursorAbstract) -> None:
    """Raise ``NotPrimaryError`` when this session may miss commits."""
    if reason := lag_reason(_variables(cursor, _LAG_VARIABLES)):
        raise NotPrimaryError(reason)


def lag_reason(variables: Mapping[str, str]) -> str | None:
    """Say why a server with these variables may lag; None: it does not look so. Any account may read them.

    A replica that accepts writes looks like a primary.
    """
    # Not compared with ON: from MariaDB 12.0 on it may also be NO_LOCK or NO_LOCK_NO_ADMIN.
    if variables.get("read_only") not in {None, "OFF", "0"}:
        return "the server is read-only, as replicas are: connect to the primary"
    if variables.get("wsrep_on") == "ON" and int(variables.get("wsrep_sync_wait", "0")) & 1 == 0:
        return "a Galera node may be behind the others: set wsrep_sync_wait to 1"
    if (
        variables.get("group_replication_group_name")
        and variables.get("group_replication_single_primary_mode") == "OFF"
        and variables.get("group_replication_consistency") not in {"BEFORE", "AFTER", "BEFORE_AND_AFTER"}
    ):
        return "a member of a multi-primary group may be behind the others: set group_replication_consistency to BEFORE"
    return None


def _variables(cursor: MySQLCursorAbstract, query: str) -> dict[str, str]:
    cursor.execute(query)
    return {str(name): str(value) for name, value in cursor.fetchall()}
