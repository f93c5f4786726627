"""Closes connections so that the peer can still read its answer (RFC 9112, 9.6)."""

import contextlib
import queue
import selectors
import socket
import threading
import time
from typing import cast

_LONGEST = 2.0  # seconds for which a peer may go on sending
_STEP = 0.05  # seconds between two looks at what else there is to close
_MOST = 500  # connections at a time; further ones are closed at once
_DROPPED = 1 << 16  # bytes read at a time


class Lingering:
    """Ends connections in a thread of its own: the answer first, the connection when the peer has closed too.

    A connection that is closed while bytes of the peer are unread is reset, and the peer may never see its answer. A
    thread that answers requests must not be the one that reads on: a few bad clients would hold them all.
    """

    def __init__(self) -> None:
        self._new: queue.SimpleQueue[socket.socket] = queue.SimpleQueue()
        self._ends: dict[socket.socket, float] = {}
        self._selector = selectors.DefaultSelector()
        threading.Thread(target=self._run, name="lingering", daemon=True).start()

    def close(self, connection: socket.socket) -> None:
        """Send no more, drop what still arrives, and close in the end. Returns at once."""
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
        """Take over what is to be closed; wait for it where there is nothing else to do."""
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
            if connection.recv(_DROPPED):
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
