"""Judge an edge by the outcome of requests, without a real edge."""

import asyncio
import logging
import threading
from contextlib import closing
from pathlib import Path
from socketserver import BaseRequestHandler, ThreadingTCPServer
from typing import cast

import pytest

from purger.delivery import pace
from purger.delivery import session as edge_session
from purger.delivery.pace import Pace
from purger.delivery.session import EdgeSession
from purger.edge.answer import EdgeAnswer
from purger.edge.errors import UnreachableError
from purger.edge.link import EdgeLink
from purger.edge.purge_request import HEARTBEAT, Request
from purger.model import Edge, Position
from purger.progress.lease import Lease
from purger.progress.progress import Progress
from purger.records.recorder import Recorder
from purger.settings import Settings
from stack.processes.waiting import PATIENCE
from tests.support.threaded_server import threaded_server

HEARD = (
    b'HTTP/1.1 200 OK\r\nETag: "one"\r\nTakedown-Now: 1700000000.000\r\nTakedown-Batch: 5:fifth\r\n'
    b"Content-Length: 0\r\n\r\n"
)


class Silent:
    """A recorder that writes nothing down."""

    def alive(self, edge: str, **_state: object) -> None:
        pass


async def never(_position: Position) -> bool:
    return False


def test_an_edge_that_was_out_of_reach_is_asked_where_it_is_before_anything_else(tmp_path: Path) -> None:
    progress = Progress(0.5, (5.0, 60.0), Lease(1.0), confirmed=True)
    edge = Edge("paris", "http://127.0.0.1:9", "http://127.0.0.1:9", str(tmp_path / "token"))
    recorder = cast("Recorder", Silent())
    session = EdgeSession(edge, Settings(database_url=""), progress, recorder, never, Pace())
    session.interrupt()
    asyncio.run(session.failed(UnreachableError("no answer")))
    assert not progress.confirmed


class Answered:
    """A link whose answers are there at once."""

    is_open = True

    async def start(self, _request: Request, _instance: str | None) -> asyncio.Future[EdgeAnswer]:
        reply = asyncio.get_running_loop().create_future()
        reply.set_result(EdgeAnswer("one", "1.000", None, None, None, Position(0, "")))
        return reply

    async def answer(self, _request: Request, reply: asyncio.Future[EdgeAnswer]) -> EdgeAnswer:
        return await reply


def test_the_other_edges_have_their_turn_before_each_of_several_answers_that_came_together() -> None:
    answers, answers_at_turns = list[EdgeAnswer](), list[int]()

    async def share() -> None:
        edge = Edge("paris", "http://127.0.0.1:9", "http://127.0.0.1:9", "/nowhere")
        progress, recorder = Progress(0.5, (5.0, 60.0), Lease(1.0)), cast("Recorder", Silent())
        session = EdgeSession(edge, Settings(database_url=""), progress, recorder, never, Pace())
        session._link = cast("EdgeLink", Answered())
        for _ in range(3):
            await session.start(HEARTBEAT, answers.append)
        settling = asyncio.create_task(session.settle())
        while not settling.done():
            answers_at_turns.append(len(answers))
            await asyncio.sleep(0)

    asyncio.run(share())
    assert {0, 1, 2} <= {*answers_at_turns}


class Listener(BaseRequestHandler):
    """Answers each request of a connection, but those of one that comes while it is closed."""

    closed = threading.Event()

    def handle(self) -> None:
        if not self.closed.is_set():
            while self.request.recv(4096):
                self.request.sendall(HEARD)


def test_the_present_connection_goes_on_while_the_edge_answers_no_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(edge_session, "_RENEWAL", -1.0)
    monkeypatch.setattr(edge_session, "_NEW_ANSWERS", PATIENCE)
    monkeypatch.setattr(pace, "_CONNECTIONS", 0.0)
    caplog.set_level(logging.INFO)
    token = tmp_path / "token"
    token.write_text("sesame")
    token.chmod(0o600)
    progress = Progress(0.5, (5.0, 60.0), Lease(1.0), instance="one", confirmed=True)
    progress.moved_to(Position(5, "fifth"))
    with threaded_server(ThreadingTCPServer(("127.0.0.1", 0), Listener)) as port:
        url = f"http://127.0.0.1:{port}"
        edge = Edge("paris", url, url, str(token))
        settings = Settings(database_url="", connect_timeout=PATIENCE, read_timeout=PATIENCE)
        session = EdgeSession(edge, settings, progress, cast("Recorder", Silent()), never, Pace())

        async def heartbeats() -> None:
            with closing(session):
                for closed in (False, True, True, True, False, False):
                    (Listener.closed.set if closed else Listener.closed.clear)()
                    await session.send_heartbeat("1700000000.000", ticket=lambda: 1)

        asyncio.run(heartbeats())
    news = [record.getMessage() for record in caplog.records if "new connections" in record.getMessage()]
    assert [text.partition(": ")[0] for text in news] == [
        "edge paris is closed to new connections",
        "edge paris is no longer closed to new connections",
    ]
