"""Rejects servers that may lag: a stale read would refill the cache with the version that was just purged.

Of replicas, for the one who takes them all the same, it rejects those that may change the order of commits.
"""

from collections.abc import Mapping

import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract

# Variables that order the commits of a copy: MySQL's names since 8.0.26, and before.
_ORDER = (
    "SHOW VARIABLES WHERE Variable_name IN ('replica_preserve_commit_order', 'slave_preserve_commit_order', "
    "'replica_parallel_workers', 'slave_parallel_workers')"
)
_VARIABLES = (
    "SHOW VARIABLES WHERE Variable_name IN ('read_only', 'wsrep_on', 'wsrep_sync_wait', "
    "'group_replication_group_name', 'group_replication_single_primary_mode', 'group_replication_consistency')"
)


class NotPrimaryError(mysql.connector.Error):
    """The server may be behind. The message says by what it shows, and what to do."""


class DisorderedError(mysql.connector.Error):
    """A replica may show a commit before an earlier one. The message says by what it shows, and what to do."""


def require_ordered(cursor: MySQLCursorAbstract) -> None:
    """Raise ``DisorderedError`` when a replica may apply commits in another order than the primary."""
    if reason := why_disordered(_variables(cursor, _ORDER)):
        raise DisorderedError(reason)


def why_disordered(variables: Mapping[str, str]) -> str | None:
    """Why a replica with these variables may show the number of a batch before all of its changes, or None.

    MySQL alone has them. MariaDB's replicas keep the order, but for a primary that writes in several GTID domains.
    """
    workers = variables.get("replica_parallel_workers") or variables.get("slave_parallel_workers") or "0"
    kept = variables.get("replica_preserve_commit_order") or variables.get("slave_preserve_commit_order")
    if kept in {"OFF", "0"} and int(workers) > 1:
        return "the replica may apply commits in another order: set replica_preserve_commit_order to ON"
    return None


def require_primary(cursor: MySQLCursorAbstract) -> None:
    """Raise ``NotPrimaryError`` when reads of this session may show less than what has been committed."""
    if reason := why_behind(_variables(cursor, _VARIABLES)):
        raise NotPrimaryError(reason)


def why_behind(variables: Mapping[str, str]) -> str | None:
    """Why a server with these variables may be behind, or None. It sees what an account without privileges may see.

    A replica that accepts writes cannot be told from a primary by this.
    """
    # From MariaDB 12.0 on also NO_LOCK and NO_LOCK_NO_ADMIN.
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
