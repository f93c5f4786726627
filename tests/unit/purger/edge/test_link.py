"""Have several requests in flight over one connection: each gets its own answer, or the error that ended it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from purger.edge.answer import EdgeAnswer
from purger.edge.errors import DeliveryError, SlowError, UnreachableError
from purger.edge.link import EdgeLink
from purger.edge.purge_request import purge
from purger.model import Edge
from stack.processes.waiting import PATIENCE

FIELDS = 'HTTP/1.1 200 OK\r\nETag: "one"\r\nTakedown-Now: 1700000000.000\r\nTakedown-Batch: {}:b\r\n'
SHORT = FIELDS + "Content-Length: 2\r\n\r\nok"
CHUNKED = FIELDS + "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"
COUNT = 9

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Coroutine[None, None, None]]


@asynccontextmanager
async def link_to(tmp_path: Path, serve: Serve, read_timeout: float = PATIENCE) -> AsyncIterator[EdgeLink]:
    """Serve each connection by ``serve``; yield a link."""
    token = tmp_path / "token"
    token.write_text("sesame")
    token.chmod(0o600)

    async def served(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await serve(reader, writer)
        writer.close()

    server = await asyncio.start_server(served, "127.0.0.1", 0)
    async with server:
        url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        link = EdgeLink(Edge("e", url, url, str(token)), connect_timeout=PATIENCE, read_timeout=read_timeout)
        yield link
        link.close()


async def outcomes(link: EdgeLink) -> list[EdgeAnswer | DeliveryError]:
    """Send requests without waiting for answers, and then take these in turn."""
    requests = [purge(f"i:c{number}") for number in range(COUNT)]
    replies = [await link.start(request, "one") for request in requests]
    found: list[EdgeAnswer | DeliveryError] = []
    for request, reply in zip(requests, replies, strict=True):
        try:
            found.append(await link.answer(request, reply))
        except DeliveryError as error:
            found.append(error)
    return found


@pytest.mark.parametrize("piece", [1, 7, 100_000])
def test_each_request_in_flight_gets_its_own_answer_whatever_its_form(tmp_path: Path, piece: int) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(COUNT):
            assert f"i:c{number}\r\n" in (await reader.readuntil(b"\r\n\r\n")).decode()
        answers = "".join((SHORT, CHUNKED, SHORT)[number % 3].format(number) for number in range(COUNT)).encode()
        for start in range(0, len(answers), piece):
            writer.write(answers[start : start + piece])
            await writer.drain()
            await asyncio.sleep(0)

    async def run() -> None:
        async with link_to(tmp_path, serve) as link:
            found = await outcomes(link)
            assert [answer.position.batch for answer in found if isinstance(answer, EdgeAnswer)] == [*range(COUNT)]

    asyncio.run(run())


def test_an_end_in_the_middle_is_the_error_of_all_that_were_not_answered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(COUNT):
            await reader.readuntil(b"\r\n\r\n")
        writer.write((SHORT.format(0) + SHORT.format(1) + SHORT.format(2)[:40]).encode())
        await writer.drain()

    async def run() -> None:
        async with link_to(tmp_path, serve) as link:
            kinds = [type(outcome) for outcome in await outcomes(link)]
            assert kinds == [EdgeAnswer, EdgeAnswer, *[UnreachableError] * (COUNT - 2)]
            assert not link.is_open

    caplog.set_level(logging.INFO)
    asyncio.run(run())
    assert caplog.text == ""


def test_a_late_answer_is_counted_from_the_answer_before_it(tmp_path: Path) -> None:
    """All answers together take longer than the time-out, and none does until they stop."""
    pause = 0.1

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(COUNT - 1):
            writer.write(SHORT.format(number).encode())
            await asyncio.sleep(pause)
        await reader.read()

    async def run() -> None:
        async with link_to(tmp_path, serve, read_timeout=(COUNT - 2) * pause) as link:
            kinds = [type(outcome) for outcome in await outcomes(link)]
            assert kinds == [*[EdgeAnswer] * (COUNT - 1), SlowError]

    asyncio.run(run())
