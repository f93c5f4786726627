"""Opens one connection to the moderation database, with settings that are fit for a service. Never reopens it.

Where the URL names several nodes, the connection is to the one that this process uses (``node_choice``), or to another.

The defaults of driver and servers are not: isolation level, autocommit, time-outs, time zone, character set, TLS, and
servers that lag.
"""

import os
import time
from collections.abc import Callable
from typing import Any, cast

import mysql.connector
from mysql.connector.abstracts import MySQLConnectionAbstract, MySQLCursorAbstract
from mysql.connector.connection import MySQLConnection
from mysql.connector.constants import ClientFlag

from takedown_base.secret_files import UnreadableSecretError, read_secret
from takedown_db.connection.node_choice import choice_between, first_to_connect, remember
from takedown_db.connection.server_variables import read_variables, require_ordered, require_primary, wait_of
from takedown_db.connection.url import DatabaseUrl, Node, TlsMode, parse_url

#: Raises an error for a server that the caller must not use.
Require = Callable[[MySQLCursorAbstract], None]


class UnusableFileError(mysql.connector.Error):
    """A file that the database URL names cannot be read. The message names the file and the reason."""


class NotEncryptedError(mysql.connector.Error):
    """The server offers no TLS, and the database URL (or its default) requires it."""


class _PythonConnection(MySQLConnection):
    """A connection of the driver in pure Python, by a Unix socket or TLS.

    To a server without TLS that driver would send the password as it is, if the server asks for it.
    """

    def _do_auth(self, *arguments: Any, **options: Any) -> bool:
        if self._unix_socket is None and not self._client_flags & ClientFlag.SSL:
            raise _not_encrypted(self.server_host)
        return super()._do_auth(*arguments, **options)


def connect(
    url: str, *, timeout: int, database: bool = True, replica: bool = False, python: bool = False
) -> MySQLConnectionAbstract:
    """Open a connection to ``mysql://user:password@host:port/name``, or to ``...@localhost/name?unix_socket=PATH``.

    ``timeout`` bounds, in whole seconds each, the wait for a connection, for an answer and for a lock.
    ``database=False`` leaves the named database unselected, for the one caller that creates it. ``replica=True`` takes
    a server that may lag, for callers that send the last batch number they saw with each answer. Without it
    each transaction on a node of a cluster first waits for the earlier commits at the other nodes. ``python=True``
    takes the driver in pure Python, as ``PreparedStatement`` needs it, wherever the connection is by a Unix socket or
    the URL requires TLS.

    Raises ``UnusableUrlError`` for a malformed URL and ``mysql.connector.Error`` when the server cannot be used. Types
    of that: ``NotPrimaryError`` (the server may lag), ``DisorderedError`` (a replica applies commits in another order),
    ``NotEncryptedError`` (it has no TLS), ``UnusableFileError`` (a file that the URL names cannot be read), and for a
    URL with several nodes ``NoUsableNodeError``.
    """
    parts = parse_url(url)
    arguments = _arguments(parts)
    if not database:
        del arguments["database"]
    require = _require_ordered if replica else _require_current
    driver = _PythonConnection if python and _may_be_python(parts) else mysql.connector.connect
    if len(parts.nodes) > 1:
        choice, opened = choice_between(parts.nodes), time.monotonic()
        node, connection = first_to_connect(
            choice.order(),
            lambda node: _open(driver, parts, node, arguments, timeout, lambda cursor: _in_use(cursor, require)),
        )
        remember(connection, choice, node, opened)
        return connection
    return _open(driver, parts, parts.nodes[0], arguments, timeout, require)


def _open(
    driver: Callable[..., object],
    url: DatabaseUrl,
    node: Node,
    arguments: dict[str, Any],
    timeout: int,
    require: Require,
) -> MySQLConnectionAbstract:
    # Typed to return a pooled connection as well, which it does only when asked for a pool.
    connection = cast(
        MySQLConnectionAbstract,
        driver(
            **arguments,
            **_address(node),
            # A reader that never ends its transaction keeps the snapshot of its first read for ever.
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
        _require_tls(connection, url, node)
        _prepare(connection, timeout, require)
    except BaseException:
        connection.close()
        raise
    return connection


def _address(node: Node) -> dict[str, Any]:
    return {"unix_socket": node.unix_socket} if node.unix_socket is not None else {"host": node.host, "port": node.port}


def _in_use(cursor: MySQLCursorAbstract, require: Require) -> None:
    """Require as ``require`` does, and that the node answers a read, for which it waits for the other nodes.

    A node that the others have left behind takes connections, too. Noticed here, the next one is tried at once.
    """
    require(cursor)
    cursor.execute("SELECT 1")
    cursor.fetchall()


def _require_tls(connection: MySQLConnectionAbstract, url: DatabaseUrl, node: Node) -> None:
    # The driver knows no mode between "if the server offers it" and "verified".
    if url.tls_mode.required and not _is_encrypted(connection):
        raise _not_encrypted(node.host)


def _not_encrypted(host: str) -> NotEncryptedError:
    return NotEncryptedError(
        f"{host} offers no TLS: switch it on there, or write ssl_mode=DISABLED into the database URL "
        "where the network between is trusted"
    )


def _may_be_python(url: DatabaseUrl) -> bool:
    return url.nodes[0].unix_socket is not None or url.tls_mode.required


def _prepare(connection: MySQLConnectionAbstract, timeout: int, require: Require) -> None:
    with connection.cursor() as cursor:
        # By default a session waits a day for a table that an ALTER holds, and 50 s for a row.
        cursor.execute(f"SET SESSION lock_wait_timeout = {timeout:d}, innodb_lock_wait_timeout = {timeout:d}")
        # REPEATABLE READ locks what a writing statement reads: moderators would wait for it.
        cursor.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        require(cursor)


def _require_ordered(cursor: MySQLCursorAbstract) -> None:
    require_ordered(read_variables(cursor))


def _require_current(cursor: MySQLCursorAbstract) -> None:
    variables = read_variables(cursor)
    require_primary(variables)
    if (wait := wait_of(variables)) is not None:
        cursor.execute(wait.begin)


def _arguments(url: DatabaseUrl) -> dict[str, Any]:
    """Turn a URL into the driver's arguments, but for the address.

    Reads the password's file, so that a changed one is seen at once.
    """
    password = url.password
    if url.password_file is not None:
        try:
            password = read_secret(url.password_file)
        except UnreadableSecretError as error:
            raise UnusableFileError(f"password_file: {error}") from None
    arguments: dict[str, Any] = {"user": url.user, "password": password, "database": url.name}
    return arguments if url.nodes[0].unix_socket is not None else arguments | _tls_arguments(url)


def _tls_arguments(url: DatabaseUrl) -> dict[str, Any]:
    if url.tls_mode is TlsMode.DISABLED:
        return {"ssl_disabled": True}
    files = {"ssl_ca": url.ca_file, "ssl_cert": url.certificate_file, "ssl_key": url.key_file}
    for name, file in files.items():
        # The driver's own message for this is a number of OpenSSL's.
        if file is not None and not os.access(file, os.R_OK):
            raise UnusableFileError(f"{name}: {file} is not there or not readable")
    return {
        **{name: str(file) for name, file in files.items() if file is not None},
        "ssl_verify_cert": url.tls_mode.verified,
        "ssl_verify_identity": url.tls_mode is TlsMode.VERIFY_IDENTITY,
    }


def _is_encrypted(connection: MySQLConnectionAbstract) -> bool:
    """Ask the driver for the cipher. The server's own Ssl_cipher may be that of a proxy which ends TLS."""
    driver: Any = getattr(connection, "_cmysql", None)
    return bool(driver.get_ssl_cipher()) if driver is not None else connection.is_secure
