"""Measure takedowns over the door: as many as it takes beside INSERTs, and 1,000 a second in an open loop."""

import json
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path

from bench.figures.results import Comparison, Distribution, Result, compare
from bench.tools.load import cpu_seconds
from bench.tools.open_loop import send_at_rate
from purger.moderation.bans import insert_ban
from purger.moderation.subjects import Subject
from stack.door import Door
from stack.system import Stack
from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import Connection

#: Clients at a time, and orders of each of them in a round.
_CLIENTS, _ORDERS = 8, 250

#: Takedowns a second in the open loop, its seconds, and the connections over which they come.
RATE, SECONDS, _CONNECTIONS = 1000, 60, 64

#: Orders that wait until the image is gone, one after the other.
_WAITS = 100

_numbers = count(1)


def run(directory: Path, rounds: int) -> Iterator[Result]:
    """Compare takedowns/s, each committed before it is answered; then the time until one is gone at the edge."""
    with Stack(directory / "stack") as stack, Door(directory / "door", stack.database) as door:
        url = stack.database.url("moderation")
        contenders = {
            "INSERT, by Python": lambda: _rate(stack, partial(_insert, url), None),
            "POST /takedowns": lambda: _rate(stack, partial(_post, door), door),
        }
        yield compare(f"takedowns of {_CLIENTS} clients", contenders, rounds)
        stack.settle()
        samples: dict[str, list[float]] = {"POST /takedowns": [], "POST /takedowns?wait=10": []}
        for _ in range(_WAITS):
            for name in samples:
                began = time.monotonic()
                _post(door, 1, name.partition("?")[2])
                samples[name].append(1000 * (time.monotonic() - began))
        yield Distribution("one takedown over the door, one client", "ms", samples)
        stack.settle()
        yield from _open_loop(stack, door)


def _open_loop(stack: Stack, door: Door) -> Iterator[Result]:
    """Order takedowns at fixed moments, and count what became of each. Raises ``ValueError`` if one is lost."""
    servers = {"door": door, "database": stack.database, "purger": stack.purger, "edge": stack.edge}
    before = {name: cpu_seconds(server) for name, server in servers.items()}
    own, began = time.process_time(), time.monotonic()
    sent = send_at_rate(door.port, partial(_order, door), rate=RATE, seconds=SECONDS, connections=_CONNECTIONS)
    last = time.monotonic() - began
    spent = {name: cpu_seconds(server) - before[name] for name, server in servers.items()} | {
        "client": time.process_time() - own
    }
    stack.settle()
    refused = Counter(each.status for each in sent.values() if each.status != 202)
    acknowledged = _acknowledged(stack)
    if refused or len(acknowledged) < len(sent):
        raise ValueError(f"of {len(sent)} takedowns {len(acknowledged)} were acknowledged; not 202: {refused}")
    cpu = {f"{name}, CPU us/takedown": [1e6 * each / len(sent)] for name, each in spent.items()}
    yield Comparison(
        f"{RATE} takedowns a second in an open loop for {SECONDS} s",
        {"POST /takedowns": {"answered/s": [len(sent) / last], **cpu}},
    )
    yield Distribution(
        f"a takedown at {RATE} a second in an open loop, since it was due",
        "ms",
        {
            "202": [1000 * (each.answered - each.due) for each in sent.values()],
            "acknowledged": [1000 * (acknowledged[number] - each.due) for number, each in sent.items()],
        },
    )


def _order(door: Door, number: int) -> bytes:
    body = json.dumps({"image": f"loop-{number}", "ahead": True, "reason": "spam"}).encode()
    return (
        f"POST /takedowns HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer {door.token}\r\n"
        f"Content-Type: application/json\r\nIdempotency-Key: loop-{number}\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _acknowledged(stack: Stack) -> dict[int, float]:
    """Read when the edge acknowledged each takedown of the open loop, by its number, in seconds of the Unix clock."""
    sql = (
        "SELECT SUBSTRING(idempotency_key, 6), TIMESTAMPDIFF(MICROSECOND, '1970-01-01', acknowledged_at) / 1e6"
        " FROM door_orders JOIN invalidations USING (ban_id)"
        " JOIN receipts ON receipts.edge = 'edge1' AND receipts.batch = ("
        "SELECT batch FROM receipts WHERE edge = 'edge1' AND batch >= invalidations.batch ORDER BY batch LIMIT 1)"
        " WHERE idempotency_key LIKE 'loop-%'"
    )
    with stack.database.connect_admin() as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return {int(str(number)): float(str(moment)) for number, moment in cursor.fetchall()}


def _rate(stack: Stack, work: Callable[[int], None], door: Door | None) -> Mapping[str, float]:
    """Have all clients work at a time. The edge has to acknowledge all of it before the next contender."""
    before = cpu_seconds(door) if door else 0.0
    began = time.monotonic()
    with ThreadPoolExecutor(_CLIENTS) as clients:
        list(clients.map(work, [_ORDERS] * _CLIENTS))
    seconds = time.monotonic() - began
    spent = (cpu_seconds(door) - before) if door else 0.0
    stack.settle()
    orders = _CLIENTS * _ORDERS
    return {"takedowns/s": orders / seconds} | ({"door, CPU us/takedown": 1e6 * spent / orders} if door else {})


def _insert(url: str, number: int) -> None:
    connection = Connection(url, timeout=10)
    for _ in range(number):
        insert_ban(connection, Subject(Scope.IMAGE, f"bench-{next(_numbers)}"), reason="", banned_by="bench")
    connection.close()


def _post(door: Door, number: int, query: str = "") -> None:
    """Order over one connection, with a key each. Raises ``ValueError`` for an answer that is no 200 or 202."""
    with socket.create_connection(("127.0.0.1", door.port)) as connection, connection.makefile("rb") as answers:
        for _ in range(number):
            each = next(_numbers)
            body = json.dumps({"image": f"bench-{each}", "ahead": True}).encode()
            head = (
                f"POST /takedowns?{query} HTTP/1.1\r\nHost: door\r\nAuthorization: Bearer {door.token}\r\n"
                f"Content-Type: application/json\r\nIdempotency-Key: {each}\r\nContent-Length: {len(body)}\r\n\r\n"
            )
            connection.sendall(head.encode() + body)
            status = answers.readline()
            length = 0
            while (line := answers.readline()) not in (b"\r\n", b""):
                name, _, value = line.partition(b":")
                length = int(value) if name.lower() == b"content-length" else length
            answer = answers.read(length)
            if status[9:12] not in (b"200", b"202"):
                raise ValueError(f"the door answered {status!r}: {answer!r}")
