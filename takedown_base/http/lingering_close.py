"""Closes connections so that the client can still read its answer (RFC 9112, 9.6)."""

import contextlib
import queue
import selectors
import socket
import threading
import time
from typing import cast

#: Seconds for which a peer may go on sending.
_LONGEST = 2.0

#: Seconds after which the thread takes over new connections.
_STEP = 0.05

#: Connections that are closed at a time. Further ones are closed at once.
_MOST = 500

#: Bytes read at a time.
_CHUNK = 1 << 16


class LingeringClose:
    """Closes connections in a thread of its own: first for sending, and entirely when the peer has closed too.

    Closing a connection with unread bytes of the peer resets it, and the peer may never see its answer. The threads
    that answer requests must not read on themselves: a few bad clients would occupy them all.
    """

    def __init__(self) -> None:
        self._new: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()
        self._ends: dict[socket.socket, float] = {}
        self._selector = selectors.DefaultSelector()
        threading.Thread(target=self._run, name="lingering", daemon=True).start()

    def close(self, connection: socket.socket) -> None:
        """End sending, drop the bytes that still arrive, and close later. Returns at once."""
        try:
            connection.shutdown(socket.SHUT_WR)
        except OSError:  # the peer has gone, or it is closed by now
            connection.close()
        else:
            self._new.put(connection)

    def _run(self) -> None:
        while True:
            self._take_new()
            for key, _ in self._selector.select(_STEP):
                self._drop(cast(socket.socket, key.fileobj))
            now = time.monotonic()
            for connection in [each for each, end in self._ends.items() if end <= now]:
                self._end(connection)

    def _take_new(self) -> None:
        """Take over new connections to close; wait for one while nothing else is to do."""
        with contextlib.suppress(queue.Empty):
            while True:
                connection = self._new.get(block=not self._ends)
                if len(self._ends) >= _MOST:
                    connection.close()
                    continue
                with contextlib.suppress(OSError, ValueError, KeyError):  # closed meanwhile
                    connection.setblocking(False)
                    self._selector.register(connection, selectors.EVENT_READ)
                    self._ends[connection] = time.monotonic() + _LONGEST

    def _drop(self, connection: socket.socket) -> None:
        try:
            if connection.recv(_CHUNK):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._end(connection)

    def _end(self, connection: socket.socket) -> None:
        del self._ends[connection]
        self._selector.unregister(connection)
        connection.close()
