"""Run proxies on loopback whose two directions can each be cut, delayed, slowed down or made lossy."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from stack.processes.waiting import PATIENCE

_Result = TypeVar("_Result")

#: Most bytes to read at once.
_SIZE = 65536


class Direction:
    """One direction of all connections through a proxy. A setting applies to bytes that arrive from then on."""

    def __init__(self, run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self._run = run
        self._open = asyncio.Event()
        self._open.set()
        self._mended = asyncio.Event()
        self.held = 0  # connections that wait for mend() with bytes to deliver
        self.delay: Callable[[], float] | None = None  # seconds to wait before the first bytes of each message
        self.drip: tuple[int, float] | None = None  # bytes to deliver at a time, and seconds to wait between
        self.lose = False  # read and drop the bytes that arrive
        self.lost = 0  # number of reads whose bytes were dropped

    def cut(self) -> None:
        """Deliver nothing until mend(). As on a real network bytes that were sent arrive then, and are not lost."""
        self._run(self._set(False))

    def mend(self) -> None:
        """Deliver the bytes that were held or late, and from now on all bytes as they arrive."""
        self.delay, self.drip, self.lose = None, None, False
        self._run(self._set(True))

    async def _set(self, is_open: bool) -> None:
        if is_open:
            self._open.set()
            self._mended.set()
            self._mended = asyncio.Event()
        else:
            self._open.clear()

    async def linger(self, seconds: float) -> None:
        """Wait for so many seconds, or until mend()."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._mended.wait(), seconds)

    async def passed(self) -> None:
        """Wait while the direction is cut."""
        self.held += 1
        try:
            await self._open.wait()
        finally:
            self.held -= 1


class Proxy:
    """A proxy for a port of 127.0.0.1 or a unix socket, which itself listens on the same kind.

    ``up`` is the direction to the server, ``down`` that to its clients.
    """

    def __init__(self, proxies: "Proxies", target: int | Path, name: str) -> None:
        self._run = proxies.run
        self._targets = [target]
        self._next = count()
        self._name = name
        self.up = Direction(proxies.run)
        self.down = Direction(proxies.run)
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.port = 0
        self.socket = Path()

    async def open(self) -> None:
        """Listen on a free port, or on a socket beside the server's."""
        (target,) = self._targets
        if isinstance(target, int):
            self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=_SIZE)
            self.port = self._server.sockets[0].getsockname()[1]
        else:
            self.socket = target.with_name(self._name)
            self._server = await asyncio.start_unix_server(self._accept, self.socket, limit=_SIZE)

    def turn_to(self, *targets: int | Path) -> None:
        """Forward new connections to another target of the same kind, and close those to the old one.

        Several targets take turns, as servers behind a service address do.
        """
        self._run(self._turn_to(*targets))

    @contextmanager
    def turned_to(self, target: int | Path) -> Iterator[None]:
        """Forward to another target inside the block, and to the old one again at the end."""
        before = self._targets
        self.turn_to(target)
        try:
            yield
        finally:
            self.turn_to(*before)

    async def _turn_to(self, *targets: int | Path) -> None:
        self._targets = list(targets)
        self._break_off()

    async def close(self) -> None:
        """Stop listening and close every connection."""
        if self._server is not None:
            self._server.close()
        self._break_off()

    def _break_off(self) -> None:
        for task in self._tasks:
            task.cancel()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        writers = [writer]
        try:
            target = self._targets[next(self._next) % len(self._targets)]
            if isinstance(target, int):
                there, back = await asyncio.open_connection("127.0.0.1", target, limit=_SIZE)
            else:
                there, back = await asyncio.open_unix_connection(target, limit=_SIZE)
            writers.append(back)
            messages = _Messages()
            async with asyncio.TaskGroup() as pipes:
                pipes.create_task(_pipe(reader, back, self.up, messages))
                pipes.create_task(_pipe(there, writer, self.down, messages))
        except* (OSError, asyncio.CancelledError):
            pass  # a connection that breaks on one side is closed on the other
        finally:
            self._tasks.discard(task)
            for each in writers:
                each.transport.abort()


class _Messages:
    """The messages of one connection. One begins where the direction of the bytes changes."""

    def __init__(self) -> None:
        self._last: Direction | None = None

    def begins(self, direction: Direction) -> bool:
        begins, self._last = self._last is not direction, direction
        return begins


async def _pipe(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction, messages: _Messages
) -> None:
    while data := await reader.read(_SIZE):
        delay = direction.delay
        if messages.begins(direction) and delay is not None:
            await direction.linger(delay())
        await direction.passed()
        if direction.lose:
            direction.lost += 1
            continue
        while data:
            size, pause = direction.drip or (len(data), 0.0)
            writer.write(data[:size])
            await writer.drain()
            data = data[size:]
            if data and direction.drip:  # mend() may have been called meanwhile
                await direction.linger(pause)
    await direction.passed()
    with suppress(OSError):
        writer.write_eof()


class Proxies:
    """Any number of proxies, in one thread that runs inside a ``with`` block."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)
        self._proxies: list[Proxy] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for proxy in self._proxies:
            self.run(proxy.close())
        self.run(_all_ended())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def run(self, coroutine: Coroutine[Any, Any, _Result]) -> _Result:
        """Run a coroutine to its end in the proxies' thread. Returns its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def to(self, target: int | Path) -> Proxy:
        """Make a proxy to a port of 127.0.0.1, or to a unix socket, which need not be open yet."""
        proxy = Proxy(self, target, f"proxy{len(self._proxies)}")
        self.run(proxy.open())
        self._proxies.append(proxy)
        return proxy


async def _all_ended() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)
