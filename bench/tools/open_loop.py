"""Sends HTTP requests at fixed moments, whether earlier ones have been answered or not: a queue shows as waiting."""

import re
import selectors
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)

#: Seconds after the last request for which answers are awaited.
_PATIENCE = 30.0


class Sent(NamedTuple):
    """A request that was answered. Times are in seconds of the Unix clock."""

    due: float  # when it was to be sent, though no connection may have been free
    answered: float
    status: int


class _Connection:
    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.number = 0
        self._received = b""

    def answer(self) -> bytes | None:
        """Receive, and return the answer once all of it is there. Raises ``ConnectionError``."""
        chunk = self.socket.recv(65536)
        if not chunk:
            raise ConnectionError("the server has closed a connection")
        self._received += chunk
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head + b"\r\n")
        if not end or len(body) < (int(length[1]) if length else 0):
            return None
        whole, self._received = self._received, b""
        return whole


def send_at_rate(
    port: int, request: Callable[[int], bytes], *, rate: float, seconds: float, connections: int
) -> dict[int, Sent]:
    """Send ``request(number)`` at a rate a second, over some connections, one request at a time over each.

    Returns each answered request by its number, from 0. Raises ``ConnectionError``, and ``TimeoutError`` if answers
    are still missing 30 s after the last request.
    """
    total = round(rate * seconds)
    sent: dict[int, Sent] = {}
    with selectors.DefaultSelector() as selector:
        free = [_Connection(port) for _ in range(connections)]
        every = list(free)
        for each in free:
            selector.register(each.socket, selectors.EVENT_READ, each)
        clock = time.time() - time.monotonic()
        began = time.monotonic() + 0.1
        following = 0
        while len(sent) < total:
            now = time.monotonic()
            if now > began + seconds + _PATIENCE:
                raise TimeoutError(f"{total - len(sent)} of {total} requests have no answer")
            while free and following < total and began + following / rate <= now:
                connection = free.pop()
                connection.number = following
                connection.socket.sendall(request(following))
                following += 1
            pause = max(0.0, began + following / rate - now) if free and following < total else 0.1
            for key, _ in selector.select(pause):
                connection = key.data
                if (answer := connection.answer()) is not None:
                    due = clock + began + connection.number / rate
                    sent[connection.number] = Sent(due, clock + time.monotonic(), int(answer[9:12]))
                    free.append(connection)
        for each in every:
            each.socket.close()
    return sent
