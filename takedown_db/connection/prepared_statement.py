"""Runs one prepared statement over and over on a connection of the driver in pure Python.

The driver reads a result packet by packet. Here a statement is one send and, nearly always, one receive: after each
system call a thread waits for the interpreter, which the others hold meanwhile.
"""

import contextlib
import socket
import ssl
import struct
import time
from collections.abc import Mapping
from typing import Any, cast

import mysql.connector
from mysql.connector.connection import MySQLConnection
from mysql.connector.constants import ClientFlag

from takedown_base.http.socket_timeouts import wait_in_kernel
from takedown_db.connection.binary_result import IncompleteError, ResultReader, ServerError, UnknownAnswerError
from takedown_db.connection.error_numbers import ErrorNumber

#: The command that executes a prepared statement (COM_STMT_EXECUTE).
_EXECUTE = 0x17

#: The flag that says that the number of parameters is sent, too. Servers with query attributes expect it.
_PARAMETER_COUNT = 8

#: The type of each parameter: a text.
_TEXT = b"\xfe\x00"

#: Bytes that are received at a time. A lookup's result has about 1,200.
_CHUNK = 65536

#: Bytes of the longest parameter: the length of a longer one would take more than one byte.
_LONGEST = 250


class PreparedStatement:
    """A SELECT with named parameters, all of them texts in ASCII, prepared on one connection.

    Between two executions the connection may be used as usual. After any error but that of a parameter its state is
    unknown: close it.
    """

    def __init__(self, connection: MySQLConnection, sql: str, timeout: float) -> None:
        """Prepare ``sql``, which names its parameters as ``%(name)s``. ``timeout`` is for an execution, in seconds.

        Raises ``mysql.connector.Error``.
        """
        self._order: list[str] = []
        prepared = connection.cmd_stmt_prepare((sql % _Places(self._order)).encode())
        count = len(self._order)
        if not 0 < count < _LONGEST or prepared["num_params"] != count:
            raise mysql.connector.ProgrammingError(f"the server counts {prepared['num_params']} parameters of {count}")
        self._head = _head(prepared["statement_id"], count, connection.isset_client_flag(_QUERY_ATTRIBUTES))
        # The driver has no public name for it.
        self._socket: socket.socket = cast(Any, connection)._socket.sock
        self._timeout = timeout
        self._bound_waits()
        self._results = ResultReader()

    def execute(self, values: Mapping[str, str]) -> list[tuple[Any, ...]]:
        """Execute with these values of the parameters, and return all rows. Raises ``mysql.connector.Error``."""
        encoded = {name: _encoded(value) for name, value in values.items()}
        body = self._head + b"".join([encoded[name] for name in self._order])
        try:
            self._socket.sendall(len(body).to_bytes(3, "little") + b"\0" + body)
            answer = self._socket.recv(_CHUNK)
            try:
                return self._results.read(answer)
            except IncompleteError:
                return self._read_long(answer)
        except OSError as error:  # a BlockingIOError at the end of the time-out
            raise _lost(str(error) or type(error).__name__) from error
        except ServerError as error:
            raise mysql.connector.errors.get_mysql_exception(error.number, str(error), error.state) from error
        except UnknownAnswerError as error:
            raise mysql.connector.InterfaceError(f"the server's answer is not understood: {error}") from error

    def _read_long(self, answer: bytes) -> list[tuple[Any, ...]]:
        """Receive the rest of a result within one time-out for all of it, and read it."""
        end = time.monotonic() + self._timeout
        try:
            while True:
                self._socket.settimeout(max(0.001, end - time.monotonic()))
                chunk = self._socket.recv(_CHUNK)
                if not chunk:
                    raise _lost("the server closed the connection")
                answer += chunk
                with contextlib.suppress(IncompleteError):
                    return self._results.read(answer)
        finally:
            self._bound_waits()

    def _bound_waits(self) -> None:
        if isinstance(self._socket, ssl.SSLSocket):  # it knows only Python's limits
            self._socket.settimeout(self._timeout)
        else:
            wait_in_kernel(self._socket, self._timeout, self._timeout)


class _Places(dict[str, str]):
    """Puts a ``?`` for each parameter that is asked for, and notes their names in their order."""

    def __init__(self, order: list[str]) -> None:
        super().__init__()
        self._order = order

    def __missing__(self, name: str) -> str:
        self._order.append(name)
        return "?"


#: Its number, since the driver's class of flags is not typed as one of numbers.
_QUERY_ATTRIBUTES = int(ClientFlag.CLIENT_QUERY_ATTRIBUTES)


def _head(number: int, count: int, with_attributes: bool) -> bytes:
    """Make the part of the command before the values: none is NULL, and all are texts."""
    head = struct.pack("<BIBI", _EXECUTE, number, _PARAMETER_COUNT if with_attributes else 0, 1)
    if with_attributes:  # then each type is followed by a name, here an empty one
        return head + bytes([count]) + bytes((count + 7) // 8) + b"\x01" + (_TEXT + b"\0") * count
    return head + bytes((count + 7) // 8) + b"\x01" + _TEXT * count


def _encoded(value: str) -> bytes:
    """Write a text behind its length. Raises ``ValueError`` for one that is too long, or not ASCII."""
    text = value.encode("ascii")
    if len(text) > _LONGEST:
        raise ValueError(f"a parameter has {len(text)} characters, and {_LONGEST} are allowed")
    return len(text).to_bytes(1, "little") + text


def _lost(reason: str) -> mysql.connector.Error:
    return mysql.connector.OperationalError(f"lost the connection to the server: {reason}", ErrorNumber.CR_SERVER_LOST)
