"""Keeps one connection of the loop to a purge listener: requests in flight, and their answers in the same order.

HTTP/1.1 lets a client send requests before the answers to earlier ones have come, and a server answers them in turn
(RFC 9112, 9.3.2). An error of one ends the connection, and with it all that follow.
"""

import asyncio
import os
import socket
import ssl
import threading
from collections import deque
from typing import NamedTuple, cast

from purger.edge.connection import Reply
from purger.edge.wire import ShortAnswer, encode_lines, parse_any, parse_first


class _OfThread(threading.local):
    """The buffer that all connections of a thread read into: one for each would be most of a purger's memory."""

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(64 * 1024))


_OF_THREAD = _OfThread()

#: Most bytes of an answer that has no end.
_LONGEST = 128 * 1024


class Ended(NamedTuple):
    """The end of a connection, which came instead of an answer. ``awaited_verdict``: over TLS, before any answer."""

    cause: Exception
    awaited_verdict: bool


#: An answer to be.
Awaited = asyncio.Future[Reply | Ended]


class _InFlight(NamedTuple):
    method: str
    reply: Awaited


class Channel(asyncio.BufferedProtocol):
    """One connection, over which requests are sent; for coroutines of one loop."""

    def __init__(self, read_timeout: float) -> None:
        """Let each answer take ``read_timeout`` seconds, after its request and after the answer before it."""
        self._loop = asyncio.get_running_loop()
        self._patience = read_timeout
        self._transport: asyncio.Transport | None = None
        self._received = b""
        self._in_flight: deque[_InFlight] = deque()
        self._deadline = 0.0
        self._watch: asyncio.TimerHandle | None = None
        self._host = b""
        self._awaits_verdict = False
        self._is_open = False

    @property
    def is_open(self) -> bool:
        """Whether requests can be sent."""
        # A transport knows of an error in writing before it says so.
        return self._is_open and self._transport is not None and not self._transport.is_closing()

    async def open(self, host: str, port: int, context: ssl.SSLContext | None, *, shown: str, timeout: float) -> None:
        """Connect within ``timeout`` seconds for TCP and again for TLS; ``shown`` is the value of ``Host``.

        Raises ``OSError`` (``ssl.SSLError`` among them), and ``ValueError`` for a ``shown`` with a line break.
        """
        self._host = encode_lines(f"Host: {shown}", "")
        try:
            async with asyncio.timeout(timeout):
                transport, _ = await self._loop.create_connection(lambda: self, host, port)
            if context is not None:
                self._awaits_verdict = True
                async with asyncio.timeout(timeout):
                    self._transport = await self._loop.start_tls(transport, self, context, server_hostname=host)
        except TimeoutError:
            raise TimeoutError("timed out") from None
        except OSError as error:
            if isinstance(error, ssl.SSLError | socket.gaierror) or error.errno is None:
                raise
            raise type(error)(error.errno, os.strerror(error.errno)) from None  # without the address once more
        self._is_open = True

    def send(self, method: str, lines: bytes) -> Awaited:
        """Send a request behind those in flight, its ``lines`` and ``Host``; return its answer to be."""
        reply: Awaited = self._loop.create_future()
        if not self._in_flight:
            self._await_answer()
        self._in_flight.append(_InFlight(method, reply))
        cast(asyncio.Transport, self._transport).write(lines + self._host)
        return reply

    def close(self) -> None:
        """Close the connection, at once. Nothing is known of the requests in flight."""
        self._end(ConnectionError("the connection was closed"))

    def _end(self, error: Exception) -> None:
        """Close the connection, and give the requests in flight the error that ended it."""
        self._is_open = False
        for _, reply in self._in_flight:
            if not reply.done():
                reply.set_result(Ended(error, self._awaits_verdict))
        self._in_flight.clear()
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast(asyncio.Transport, transport)

    def get_buffer(self, _sizehint: int) -> memoryview:
        """Return the buffer that all connections of this thread share: ``buffer_updated`` follows at once."""
        return _OF_THREAD.buffer

    def buffer_updated(self, nbytes: int) -> None:
        """Take what has come, and pass on the answers in it."""
        self._received += bytes(_OF_THREAD.buffer[:nbytes])
        self._read(ended=False)

    def eof_received(self) -> None:
        """Take the end of the connection for the end of the answer, which may have no other."""
        self._is_open = False
        self._read(ended=True)

    def connection_lost(self, exc: Exception | None) -> None:
        """Pass on the error by which the connection ended."""
        self._end(exc or ConnectionError("the connection ended before the headers of the answer did"))

    def _read(self, *, ended: bool) -> None:
        try:
            while self._in_flight and (self._received or ended):
                if not self._read_one(ended=ended):
                    break
        except Exception as error:
            self._end(error)
        else:
            if self._received and not self._in_flight:
                self.close()  # something without a request: the next one goes over a new connection
            elif len(self._received) > _LONGEST:
                self._end(ConnectionError(f"an answer of more than {_LONGEST} bytes"))

    def _read_one(self, *, ended: bool) -> bool:
        """Pass on the first answer in what was received; return False when it is not whole."""
        method, reply = self._in_flight[0]
        if short := parse_first(self._received):
            answer, size, last = *short, False
        elif parsed := parse_any(self._received, method, ended=ended):
            answer, size, last = parsed
        else:
            return False
        self._received = self._received[size:]
        self._awaits_verdict = False
        self._in_flight.popleft()
        if self._in_flight:
            self._await_answer()
        if not reply.done():
            reply.set_result(_reply(answer))
        if last:
            self._end(ConnectionError("the connection ended after an earlier answer"))
        return True

    def _await_answer(self) -> None:
        self._deadline = self._loop.time() + self._patience
        if self._watch is None:
            self._watch = self._loop.call_at(self._deadline, self._look)

    def _look(self) -> None:
        """End a connection whose next answer is late. One timer serves all requests of a connection."""
        self._watch = None
        if self._in_flight:
            if self._loop.time() >= self._deadline:
                self._end(TimeoutError())
            else:
                self._watch = self._loop.call_at(self._deadline, self._look)


def _reply(answer: ShortAnswer) -> Reply:
    return Reply(answer.status, answer.headers, answer.body.decode("utf-8", "replace"))
