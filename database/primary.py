"""Whether a server may be behind: one that is fills the cache with the past, right after the purge of it."""

from collections.abc import Mapping

import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract

_VARIABLES = (
    "SHOW VARIABLES WHERE Variable_name IN ('read_only', 'wsrep_on', 'wsrep_sync_wait', "
    "'group_replication_group_name', 'group_replication_single_primary_mode', 'group_replication_consistency')"
)


class NotPrimaryError(mysql.connector.Error):
    """The server may be behind. The message says by what it shows, and what to do."""


def require_primary(cursor: MySQLCursorAbstract) -> None:
    """Raise ``NotPrimaryError`` when reads of this session may show less than what has been committed."""
    cursor.execute(_VARIABLES)
    if reason := why_behind({str(name): str(value) for name, value in cursor.fetchall()}):
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
