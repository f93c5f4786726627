"""Ports for servers that have to be told theirs."""

import random
import socket

_LOW, _HIGH = 10_000, 32_000  # below the ports that Linux hands to outgoing connections
_handed_out: set[int] = set()


def is_free(port: int) -> bool:
    """Whether nothing listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """A port that is free now and that this process has not handed out before.

    Drawn at random, so that test processes side by side do not draw the same one.
    """
    while True:
        port = random.randrange(_LOW, _HIGH)
        if port not in _handed_out and is_free(port):
            _handed_out.add(port)
            return port
