"""Hold a fetch of varnishd after the fence has checked the answer and before the object is in the cache."""

import os
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path

import requests

from stack.edges.edge import Edge
from stack.processes.waiting import PATIENCE, wait_until
from tests.support.edges.cloned_edge import insert_line

_numbers = count(1)

#: Timeout of a request whose fetch is held, in seconds.
_SECONDS = 2 * PATIENCE
_HEADER = "Checker-Hold"

#: VCL that holds a thread: opening a FIFO to read blocks until somebody opens it to write. The first FIFO tells that
#: the thread has come so far, the second one holds it.
_LINE = f"""    if (bereq.http.{_HEADER}) {{
        var.set("held", std.fileread(bereq.http.{_HEADER} + ".come"));
        var.set("held", std.fileread(bereq.http.{_HEADER} + ".go"));
    }}
"""


def make_holdable(edge: Edge) -> None:
    """Make an edge, before its start, hold the fetches of requests that bear the header ``Checker-Hold``."""
    insert_line(edge, after="    call takedown_fence_check;\n", line=_LINE)


@contextmanager
def held_fetch(edge: Edge, path: str, directory: Path) -> Iterator[None]:
    """Purge /images/PATH and request it; inside the block the thread that has fetched it is held."""
    hold = directory / f"hold{next(_numbers)}"
    come, go = Path(f"{hold}.come"), Path(f"{hold}.go")
    os.mkfifo(come)
    os.mkfifo(go)
    with ThreadPoolExecutor(1) as client:
        while not _reaches(client, edge, path, hold):
            pass  # another request came first and filled the cache
        try:
            yield
        finally:
            wait_until(lambda: _let_go(go), f"the thread that is held for {path}")
            come.unlink()
            go.unlink()


def _reaches(client: ThreadPoolExecutor, edge: Edge, path: str, hold: Path) -> bool:
    """Purge an image and request it. Returns True once its fetch is held, False if the answer was a hit."""
    edge.ask("PURGE", f"/images/{path.partition('/')[0]}")
    asked = client.submit(_ask, f"{edge.url}/images/{path}", str(hold))
    come = Path(f"{hold}.come")

    def came() -> str | None:
        if _let_go(come):
            return "past the fence"
        return "from the cache" if asked.done() else None

    return wait_until(came, f"an answer for {path}") == "past the fence"


def _ask(url: str, hold: str) -> None:
    with suppress(requests.RequestException):
        requests.get(url, headers={_HEADER: hold}, timeout=_SECONDS)


def _let_go(fifo: Path) -> bool:
    """Release the thread that has opened this FIFO. Returns False while there is none."""
    try:
        os.close(os.open(fifo, os.O_WRONLY | os.O_NONBLOCK))
    except OSError:  # nobody has it open
        return False
    return True


def hold_for(edge: Edge, path: str, directory: Path, seconds: float) -> threading.Thread:
    """Hold a fetch of /images/PATH for so many seconds. Returns a thread that ends when the fetch goes on."""
    reached, waits = threading.Event(), threading.Event()

    def hold() -> None:
        with held_fetch(edge, path, directory):
            reached.set()
            waits.wait(seconds)

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    reached.wait(PATIENCE)
    return thread
