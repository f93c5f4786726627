"""Lets a session on a member of MySQL's Group Replication wait for what the group has committed.

A primary that stood still is expelled and does not know it: for seconds after it goes on, or as long as it is cut off
from most of the others, it takes itself for the primary, and reads show what it had. A session that waits gets an error
instead, or no answer.
"""

from mysql.connector.abstracts import MySQLCursorAbstract

_VARIABLES = (
    "SHOW VARIABLES WHERE Variable_name IN ('group_replication_group_name', 'group_replication_consistency') "
    "AND Value <> ''"
)
_WAITING = {"AFTER": "BEFORE_AND_AFTER", "BEFORE_AND_AFTER": "BEFORE_AND_AFTER"}


def wait_for_group(cursor: MySQLCursorAbstract) -> bool:
    """Let each transaction of the session first wait for all that the group had committed; False: there is no group.

    Raises ``mysql.connector.Error``. The first statement of a transaction then fails with error 3797, or gets no
    answer, where the group does not have this server.
    """
    cursor.execute(_VARIABLES)
    variables = {str(name): str(value) for name, value in cursor.fetchall()}
    if "group_replication_group_name" not in variables:
        return False
    level = _WAITING.get(variables.get("group_replication_consistency", ""), "BEFORE")
    cursor.execute(f"SET SESSION group_replication_consistency = '{level}'")
    return True


def wait_as_server_does(cursor: MySQLCursorAbstract) -> None:
    """Undo ``wait_for_group``, after True: what the server's own setting asks for holds again."""
    cursor.execute("SET SESSION group_replication_consistency = DEFAULT")
