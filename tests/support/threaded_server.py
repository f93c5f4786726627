"""Run a server of the standard library in a thread."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from socketserver import TCPServer


@contextmanager
def threaded_server(server: TCPServer) -> Iterator[int]:
    """Serve in a thread until the block ends. Yields the port."""
    with server:
        threading.Thread(target=server.serve_forever).start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
