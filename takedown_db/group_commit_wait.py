"""Lets a session on a member of MySQL's Group Replication wait for the group's commits.

A primary that stood still is expelled without noticing: for seconds after it goes on, or as long as it is cut off from
most of the others, it takes itself for the primary, and reads are stale. A session that waits gets an error instead, or
no answer.
"""

from mysql.connector.abstracts import MySQLCursorAbstract

#: Selects the variables of a member of a group; without a group, no row.
_VARIABLES = (
    "SHOW VARIABLES WHERE Variable_name IN ('group_replication_group_name', 'group_replication_consistency') "
    "AND Value <> ''"
)

#: The server's levels of consistency that wait after a transaction, and those that also wait before it.
_WAITING = {"AFTER": "BEFORE_AND_AFTER", "BEFORE_AND_AFTER": "BEFORE_AND_AFTER"}


def wait_for_group(cursor: MySQLCursorAbstract) -> bool:
    """Let each transaction of the session first wait for the group's earlier commits; False: there is no group.

    Raises ``mysql.connector.Error``. On a server that the group has expelled, the first statement of a transaction then
    fails with error 3797, or gets no answer.
    """
    cursor.execute(_VARIABLES)
    variables = {str(name): str(value) for name, value in cursor.fetchall()}
    if "group_replication_group_name" not in variables:
        return False
    level = _WAITING.get(variables.get("group_replication_consistency", ""), "BEFORE")
    cursor.execute(f"SET SESSION group_replication_consistency = '{level}'")
    return True


def wait_as_server_does(cursor: MySQLCursorAbstract) -> None:
    """Undo ``wait_for_group`` after it returned True: restore the server's own level of consistency."""
    cursor.execute("SET SESSION group_replication_consistency = DEFAULT")
