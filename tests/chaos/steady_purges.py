"""Send an edge purges of other images at a steady rate while it fetches."""

import socket
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from random import Random

from stack.edges.edge import Edge
from tests.chaos.campaign import ENDINGS


def purge_of_a_code(ending: str) -> str:
    """Return the first line of a PURGE of a code with this last character."""
    return f"PURGE /images/other-{ending} HTTP/1.1\r\n"


def purge_of_an_owner(ending: str) -> str:
    """Return first line and header of a PURGE of an owner whose key has this last character."""
    return f"PURGE / HTTP/1.1\r\nTakedown-Tags: o:other-{ending}\r\n"


@contextmanager
def purging(edge: Edge, request: Callable[[str], str], rate: int, pause: float = 0.01) -> Iterator[list[int]]:
    """Send ``rate`` purges a second of other images over one connection, all those of a ``pause`` at once.

    ``request`` makes the head of one for a given last character of a code or an owner's key.
    Yields a list of one number, the count of purges so far.
    """
    stop = threading.Event()
    purged = [0]
    random, token = Random(1), edge.token()

    def send() -> None:
        with socket.create_connection(("127.0.0.1", edge.purge_port)) as connection:
            answers = connection.makefile("rb")
            while not stop.wait(pause):
                heads = [request(random.choice(ENDINGS)) for _ in range(round(rate * pause))]
                rest = f"Host: edge\r\nAuthorization: Bearer {token}\r\n\r\n"
                connection.sendall("".join(head + rest for head in heads).encode())
                for _ in heads:
                    assert answers.readline().startswith(b"HTTP/1.1 200")
                    length = 0
                    while (header := answers.readline()) != b"\r\n":
                        name, _, value = header.partition(b":")
                        length = int(value) if name.lower() == b"content-length" else length
                    answers.read(length)
                    purged[0] += 1

    with ThreadPoolExecutor(1) as sender:
        sending = sender.submit(send)
        try:
            yield purged
        finally:
            stop.set()
        sending.result()
