"""One policy for connections: the driver's and the servers' defaults are wrong for a service in six places."""

from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit

import mysql.connector
from mysql.connector.abstracts import MySQLConnectionAbstract

from database.primary import require_primary


class UnusableUrlError(ValueError):
    """A database URL that names no database, or has parts that are not understood."""


def connect(url: str, *, timeout: int, database: bool = True) -> MySQLConnectionAbstract:
    """Open a connection to ``mysql://user:password@host:port/name``, or to ``...@localhost/name?unix_socket=PATH``.

    ``timeout`` bounds, in whole seconds each, the wait for a connection, for an answer and for a lock.
    ``database=False`` leaves the named database unselected, for the one caller that creates it.

    Raises ``UnusableUrlError`` for a malformed URL and ``mysql.connector.Error`` when the server cannot be used, also
    because it may be behind another one (``NotPrimaryError``).
    """
    arguments = _arguments(url)
    if not database:
        del arguments["database"]
    # Typed to return a pooled connection as well, which it does only when asked for a pool.
    connection = cast(
        MySQLConnectionAbstract,
        mysql.connector.connect(
            **arguments,
            # A reader that never ends its transaction sees the moment of its first read for ever.
            autocommit=True,
            # The driver's default collation is unknown to older MariaDB.
            charset="utf8mb4",
            collation="utf8mb4_general_ci",
            time_zone="+00:00",
            connection_timeout=timeout,
            read_timeout=timeout,
            write_timeout=timeout,
        ),
    )
    try:
        with connection.cursor() as cursor:
            # The default wait for a table that an ALTER holds is a day, the one for a row 50 s.
            cursor.execute(f"SET SESSION lock_wait_timeout = {timeout:d}, innodb_lock_wait_timeout = {timeout:d}")
            # REPEATABLE READ locks what a writing statement reads: moderators would wait for it.
            cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
            require_primary(cursor)
    except BaseException:
        connection.close()
        raise
    return connection


def _arguments(url: str) -> dict[str, Any]:
    """Split a database URL into the driver's arguments. The message of an error never shows the password."""
    parts = urlsplit(url)
    options = parse_qs(parts.query, keep_blank_values=True)
    try:
        port = parts.port or 3306
    except ValueError as error:
        raise UnusableUrlError(f"database URL: {error}") from None
    if parts.scheme != "mysql":
        raise UnusableUrlError(f"database URL: the scheme must be mysql, not {parts.scheme or 'nothing'!r}")
    if unknown := sorted(options.keys() - {"unix_socket"}):
        raise UnusableUrlError(f"database URL: unknown option {unknown[0]!r}; unix_socket is the only one")
    name = unquote(parts.path.removeprefix("/"))
    if not name or "/" in name:
        raise UnusableUrlError("database URL: its path must be the name of one database, as in mysql://user@host/name")
    arguments: dict[str, Any] = {
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "database": name,
    }
    if "unix_socket" in options:
        arguments["unix_socket"] = options["unix_socket"][-1]
    else:
        arguments |= {"host": parts.hostname or "127.0.0.1", "port": port}
    return arguments
