"""Determines the server, cluster or group of a connection, from variables that any account may read.

The name is compared with that of the adopted server (table ``adoptions``): a copy of the data on another server has
another name. docs/operate/database.md lists what changes a name.
"""

import hashlib
from collections.abc import Mapping

from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_base.printable import printable
from takedown_db.connection.replica_checks import NotPrimaryError

#: Selects the variables that name a server, or its cluster or group.
_VARIABLES = (
    "SHOW VARIABLES WHERE Variable_name IN ('hostname', 'port', 'datadir', 'server_id', 'server_uuid', 'wsrep_on', "
    "'wsrep_cluster_name', 'group_replication_group_name')"
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


def read_server(cursor: MySQLCursorAbstract) -> str:
    """Read the name of the server of ``cursor``: at most ``LONGEST`` printable characters.

    Raises ``mysql.connector.Error``, and ``NotPrimaryError`` for a server that has left its cluster or group.
    """
    variables = _pairs(cursor, _VARIABLES)
    if variables.get("wsrep_on") == "ON":
        variables |= _pairs(cursor, _CLUSTER)
    if variables.get("group_replication_group_name"):
        variables |= _pairs(cursor, _MEMBER)
    return server_of(variables)


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
