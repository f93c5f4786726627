"""TCP proxies on loopback whose two directions can be cut, delayed, slowed down or robbed, each by itself."""

import asyncio
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from stack.waiting import PATIENCE

_Result = TypeVar("_Result")

_SIZE = 65536  # bytes read at once


class Direction:
    """One direction of all connections through a proxy. What is set holds for what arrives from then on."""

    def __init__(self, run: Callable[[Coroutine[Any, Any, None]], None]) -> None:
        self._run = run
        self._open = asyncio.Event()
        self._open.set()
        self._mended = asyncio.Event()
        self.held = 0  # connections with something to deliver that wait for mend()
        self.delay: Callable[[], float] | None = None  # seconds to wait before the first bytes of each message
        self.drip: tuple[int, float] | None = None  # deliver so many bytes at a time, and wait so many seconds between
        self.lose = False  # read and drop what arrives
        self.lost = 0  # how often something was dropped

    def cut(self) -> None:
        """Deliver nothing more. As on a real network what was sent is not lost: it arrives when the cut is mended."""
        self._run(self._set(False))

    def mend(self) -> None:
        """Deliver what was held or late, and everything from now on as it comes."""
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
        """Wait for so long, or until the way is mended."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._mended.wait(), seconds)

    async def passed(self) -> None:
        """Wait while the way is cut."""
        self.held += 1
        try:
            await self._open.wait()
        finally:
            self.held -= 1


class Proxy:
    """Forwards connections to a port of 127.0.0.1 or to a unix socket, and is of the same kind itself.

    ``up`` leads to the server, ``down`` back to its clients.
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
        """Lead new connections to another target of the same kind, and break off those that lead to the old one.

        Several targets take turns, as those behind a service address do.
        """
        self._run(self._turn_to(*targets))

    @contextmanager
    def turned_to(self, target: int | Path) -> Iterator[None]:
        """Lead to another target inside, and back again at the end."""
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
        """Stop listening and break every connection off."""
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
            pass  # a broken connection is broken on both sides
        finally:
            self._tasks.discard(task)
            for each in writers:
                each.transport.abort()


class _Messages:
    """Tells where a message begins: where the direction of a connection's bytes turns."""

    def __init__(self) -> None:
        self._last: Direction | None = None

    def begins(self, way: Direction) -> bool:
        begins, self._last = self._last is not way, way
        return begins


async def _pipe(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, way: Direction, messages: _Messages
) -> None:
    while data := await reader.read(_SIZE):
        delay = way.delay
        if messages.begins(way) and delay is not None:
            await way.linger(delay())
        await way.passed()
        if way.lose:
            way.lost += 1
            continue
        while data:
            size, pause = way.drip or (len(data), 0.0)
            writer.write(data[:size])
            await writer.drain()
            data = data[size:]
            if data and way.drip:  # it may have been mended meanwhile
                await way.linger(pause)
    await way.passed()
    with suppress(OSError):
        writer.write_eof()


class Proxies:
    """A context manager over a thread in which any number of proxies run."""

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
        """Run something in the proxies' thread, to its end."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def to(self, target: int | Path) -> Proxy:
        """A new proxy to a port of 127.0.0.1, or to a unix socket, which need not be open yet."""
        proxy = Proxy(self, target, f"proxy{len(self._proxies)}")
        self.run(proxy.open())
        self._proxies.append(proxy)
        return proxy


async def _all_ended() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.gather(*others, return_exceptions=True)
