"""Pick free ports of 127.0.0.1 for servers that need to be given one."""

import errno
import random
import socket
from pathlib import Path

_LOWEST = 10_000
_HIGHEST = 32_000

#: The file with the first and the last port of Linux's outgoing connections.
_OUTGOING = Path("/proc/sys/net/ipv4/ip_local_port_range")
_claims: list[socket.socket] = []


def is_free(port: int) -> bool:
    """Tell whether nothing listens on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def free_port() -> int:
    """Draw a free port and keep it for this process until it ends, so that a server may restart on it at any time.

    Test processes side by side never draw the same one: a claim is an abstract unix socket named after the port. Like
    the port it belongs to the network namespace, and it ends with the process, however that ends (unix(7)).
    """
    while True:
        port = random.randrange(_LOWEST, _end())
        claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            claim.bind(f"\0edge-takedown port {port}")
        except OSError as error:
            claim.close()
            if error.errno != errno.EADDRINUSE:
                raise
            continue
        if is_free(port):
            _claims.append(claim)
            return port
        claim.close()


def _end() -> int:
    """Return the first port not to draw: outgoing connections would take those from their own first one on."""
    try:
        first_outgoing = int(_OUTGOING.read_text().split()[0])
    except OSError:
        return _HIGHEST
    # Where outgoing connections begin very low their ports cannot be left out: a wide range keeps collisions rare.
    return min(first_outgoing, _HIGHEST) if first_outgoing > _LOWEST + 1000 else _HIGHEST
