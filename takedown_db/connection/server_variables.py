"""Reads the variables of a server, and judges by them: whether it may lag, which server it is, how a session waits.

A server that lags is rejected: a stale read would refill the cache with the version that was just purged. Where copies
are allowed (``origin serve --replica``), those are rejected that may apply commits in another order.

The name of a server is compared with that of the adopted one (table ``adoptions``): a copy of the data on another
server has another name. docs/operate/database.md lists what changes a name.

A primary of MySQL's Group Replication that was held up is expelled without noticing: for seconds after it goes on, or
as long as it is cut off from most of the others, it takes itself for the primary, and reads are stale. A node of Galera
may apply late what others have committed. A session that waits gets an error instead, or no answer.
"""

import hashlib
from collections.abc import Mapping
from typing import NamedTuple

import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_base.printable import printable

#: Selects the variables, in one statement, which takes the server a millisecond. Any account may read them. Only MySQL
#: has those of the order of commits: by the names since 8.0.26, and by the former ones.
_VARIABLES = (
    "SHOW VARIABLES WHERE Variable_name IN ('read_only', 'hostname', 'port', 'datadir', 'server_id', 'server_uuid', "
    "'wsrep_on', 'wsrep_sync_wait', 'wsrep_cluster_name', 'group_replication_group_name', "
    "'group_replication_single_primary_mode', 'group_replication_consistency', 'replica_preserve_commit_order', "
    "'slave_preserve_commit_order', 'replica_parallel_workers', 'slave_parallel_workers')"
)

#: Selects the state of a member of MySQL's Group Replication, as the member sees it. `purger migrate` grants the right.
_MEMBER = (
    "SELECT 'member_state', member_state FROM performance_schema.replication_group_members "
    "WHERE member_id = @@GLOBAL.server_uuid"
)

#: Selects the identity of a Galera cluster.
_CLUSTER = "SHOW STATUS WHERE Variable_name = 'wsrep_cluster_state_uuid'"

#: Characters of the longest name: the width of the column ``adoptions.server``.
LONGEST = 255

#: The server's levels of consistency that wait after a transaction, and those that also wait before it.
_WAITING = {"AFTER": "BEFORE_AND_AFTER", "BEFORE_AND_AFTER": "BEFORE_AND_AFTER"}

#: The bit of ``wsrep_sync_wait`` that has reads wait.
_READS = 1


class NotPrimaryError(mysql.connector.Error):
    """The server may lag. The message names the variable that shows it, and says what to do."""


class DisorderedError(mysql.connector.Error):
    """A replica may show a commit before an earlier one. The message names the setting that ends it."""


def read_variables(cursor: MySQLCursorAbstract) -> dict[str, str]:
    """Read the variables by which a server is judged, for the functions below. Raises ``mysql.connector.Error``."""
    return _pairs(cursor, _VARIABLES)


def require_ordered(variables: Mapping[str, str]) -> None:
    """Raise ``DisorderedError`` when a replica may show a batch's number before all of its changes.

    MariaDB's replicas keep the order, except of a primary that writes in several GTID domains.
    """
    workers = variables.get("replica_parallel_workers") or variables.get("slave_parallel_workers") or "0"
    kept = variables.get("replica_preserve_commit_order") or variables.get("slave_preserve_commit_order")
    if kept in {"OFF", "0"} and int(workers) > 1:
        raise DisorderedError("the replica may apply commits in another order: set replica_preserve_commit_order to ON")


def require_primary(variables: Mapping[str, str]) -> None:
    """Raise ``NotPrimaryError`` when a session may miss commits. A replica that accepts writes looks like a primary."""
    # Not compared with ON: from MariaDB 12.0 on it may also be NO_LOCK or NO_LOCK_NO_ADMIN.
    if variables.get("read_only") not in {None, "OFF", "0"}:
        raise NotPrimaryError("the server is read-only, as replicas are: connect to the primary")
    if variables.get("wsrep_on") == "ON" and int(variables.get("wsrep_sync_wait", "0")) & _READS == 0:
        raise NotPrimaryError("a Galera node may be behind the others: set wsrep_sync_wait to 1")
    if (
        variables.get("group_replication_group_name")
        and variables.get("group_replication_single_primary_mode") == "OFF"
        and variables.get("group_replication_consistency") not in {"BEFORE", "AFTER", "BEFORE_AND_AFTER"}
    ):
        raise NotPrimaryError(
            "a member of a multi-primary group may be behind the others: set group_replication_consistency to BEFORE"
        )


class GroupWait(NamedTuple):
    """The statements by which a session begins to wait, and ends that."""

    begin: str
    end: str


def wait_of(variables: Mapping[str, str]) -> GroupWait | None:
    """Choose the statements for a new session. None: the server is part of no cluster.

    On a server that its group has expelled, the first statement of a transaction that waits fails with error 3797, or
    gets no answer. A node that Galera has cut off answers 1047, or nothing.
    """
    if variables.get("group_replication_group_name"):
        level = _WAITING.get(variables.get("group_replication_consistency", ""), "BEFORE")
        return GroupWait(
            f"SET SESSION group_replication_consistency = '{level}'",
            "SET SESSION group_replication_consistency = DEFAULT",  # may wait after transactions
        )
    if variables.get("wsrep_on") == "ON":
        bits = int(variables.get("wsrep_sync_wait", "0"))
        return GroupWait(
            f"SET SESSION wsrep_sync_wait = {bits | _READS}", f"SET SESSION wsrep_sync_wait = {bits & ~_READS}"
        )
    return None


def read_server(cursor: MySQLCursorAbstract, variables: Mapping[str, str] | None = None) -> str:
    """Read the name of the server of ``cursor``: at most ``LONGEST`` printable characters.

    Raises ``mysql.connector.Error``, and ``NotPrimaryError`` for a server that has left its cluster or group.
    """
    found = dict(read_variables(cursor) if variables is None else variables)
    if found.get("wsrep_on") == "ON":
        found |= _pairs(cursor, _CLUSTER)
    if found.get("group_replication_group_name"):
        found |= _pairs(cursor, _MEMBER)
    return server_of(found)


def server_of(variables: Mapping[str, str]) -> str:
    """Name a server with these variables: after its cluster or group where it is part of one, or else after its host.

    Raises ``NotPrimaryError`` for a server that has left its cluster or group.
    """
    cluster, group = variables.get("wsrep_cluster_state_uuid"), variables.get("group_replication_group_name")
    if variables.get("wsrep_on") == "ON":
        if not cluster:
            raise NotPrimaryError("the Galera node is not part of its cluster: wait until it has joined")
        return _bounded(f"Galera cluster {variables.get('wsrep_cluster_name', '')} {cluster}")
    if group:
        if (state := variables.get("member_state", "OFFLINE")) != "ONLINE":
            raise NotPrimaryError(
                f"the server is no member of its replication group now ({printable(state)}): wait until it has "
                "joined, or have it join (START GROUP_REPLICATION)"
            )
        return _bounded(f"replication group {group}")
    parts = [f"{variables.get('hostname', '')}:{variables.get('port', '')}", variables.get("datadir", "")]
    parts.append(f"server_id {variables.get('server_id', '')}")
    if uuid := variables.get("server_uuid"):  # MySQL has one, and a copy of its data directory has the same
        parts.append(uuid)
    return _bounded("server " + " ".join(parts))


def _pairs(cursor: MySQLCursorAbstract, query: str) -> dict[str, str]:
    cursor.execute(query)
    return {str(name): str(value) for name, value in cursor.fetchall()}


def _bounded(name: str) -> str:
    shown = printable(name)
    if len(shown) <= LONGEST:
        return shown
    digest = hashlib.sha256(shown.encode()).hexdigest()
    return f"{shown[: LONGEST - len(digest) - 1]} {digest}"
