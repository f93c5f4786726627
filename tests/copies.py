"""Copies and replicas of a database, each under a server of its own."""

import shutil
from collections.abc import Sequence
from pathlib import Path

from stack.database import Database
from stack.waiting import wait_until


def copy_of(database: Database, directory: Path, options: Sequence[str] = ()) -> Database:
    """Copy the data directory of a database, which is stopped meanwhile. The copy has the same passwords."""
    copy = Database(directory, options)
    copy._passwords = database._passwords
    database.stop()
    shutil.copytree(database._data, copy._data)
    database.start()
    return copy


def replicate(primary: Database, replica: Database, port: int, position: str) -> None:
    """Let ``replica``, which runs, follow ``primary`` at a port of loopback from a GTID position on."""
    with primary.connect_admin() as connection, connection.cursor() as cursor:
        cursor.execute("CREATE USER replica@127.0.0.1 IDENTIFIED BY 'replica'")
        cursor.execute("GRANT REPLICATION SLAVE ON *.* TO replica@127.0.0.1")
    with replica.connect_admin() as connection, connection.cursor() as cursor:
        cursor.execute("SET GLOBAL gtid_slave_pos = %s", (position,))
        cursor.execute(
            "CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = %s, MASTER_USER = 'replica', "
            "MASTER_PASSWORD = 'replica', MASTER_SSL = 0, MASTER_USE_GTID = slave_pos",
            (port,),
        )
        cursor.execute("START SLAVE")


def follow(database: Database, code: str) -> None:
    """Wait until a replica has the ban of ``code``."""

    def there() -> bool:
        with database.connect_admin() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT COUNT(*) FROM bans WHERE subject = %s", (code,))
            return cursor.fetchall() == [(1,)]

    wait_until(there, f"the ban of {code} at the replica")
