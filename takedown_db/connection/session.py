"""Chooses the statements with which a session waits for other nodes, and bounds a transaction whose client is gone.

A primary of MySQL's Group Replication that was held up is expelled without noticing: for seconds after it goes on, or
as long as it is cut off from most of the others, it takes itself for the primary, and reads are stale. A node of Galera
may apply late what others have committed. A session that waits gets an error instead, or no answer.

A client that is frozen, or cut off without a word, leaves its connection and with that its transaction open: for hours,
by the defaults of server and kernel. Meanwhile no other purger could record anything of the same edges, or claim them.
"""

from typing import NamedTuple

import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_db.connection.error_numbers import ErrorNumber

#: Selects the variables that tell a member of a group or a node of Galera; on other servers, none of the first two.
_VARIABLES = (
    "SHOW VARIABLES WHERE Variable_name IN ('group_replication_group_name', 'wsrep_on', "
    "'group_replication_consistency', 'wsrep_sync_wait') AND Value <> ''"
)

#: The server's levels of consistency that wait after a transaction, and those that also wait before it.
_WAITING = {"AFTER": "BEFORE_AND_AFTER", "BEFORE_AND_AFTER": "BEFORE_AND_AFTER"}

#: The bit of ``wsrep_sync_wait`` that has reads wait.
_READS = 1


class GroupWait(NamedTuple):
    """The statements by which a session begins to wait, and ends that."""

    begin: str
    end: str


def wait_of(cursor: MySQLCursorAbstract) -> GroupWait | None:
    """Choose the statements for a new session. None: the server is part of no cluster.

    Raises ``mysql.connector.Error``. On a server that its group has expelled, the first statement of a transaction
    that waits fails with error 3797, or gets no answer. A node that Galera has cut off answers 1047, or nothing.
    """
    cursor.execute(_VARIABLES)
    variables = {str(name): str(value) for name, value in cursor.fetchall()}
    if "group_replication_group_name" in variables:
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


#: Seconds without a statement after which the server rolls back and closes the connection.
_IDLE = 2


class IdleLimit(NamedTuple):
    """The statements that limit the server's patience before a transaction, and end that after it; "" for none."""

    begin: str = ""
    end: str = ""


def limit_idle_transactions(cursor: MySQLCursorAbstract) -> IdleLimit:
    """Limit all transactions of a session, or return the statements for each where the server has no such limit.

    MariaDB has one (``idle_transaction_timeout``). MySQL has only ``wait_timeout``, which also closes a connection
    that rests between transactions. Raises ``mysql.connector.Error``.
    """
    try:
        cursor.execute(f"SET SESSION idle_transaction_timeout = {_IDLE:d}")
    except mysql.connector.Error as error:
        if error.errno != ErrorNumber.ER_UNKNOWN_SYSTEM_VARIABLE:
            raise
        return IdleLimit(f"SET SESSION wait_timeout = {_IDLE:d}", "SET SESSION wait_timeout = DEFAULT")
    return IdleLimit()
