"""Has the server end a transaction whose client is gone, so that its locks hold nobody up.

A client that is frozen, or cut off without a word, leaves its connection and with that its transaction open: for hours,
by the defaults of server and kernel. Meanwhile no other purger could record anything of the same edges, or claim them.
"""

from typing import NamedTuple

import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_db.connection.error_numbers import ErrorNumber

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
