"""Reserves the port of ``origin serve``, before processes that share it listen on it."""

import socket

from takedown_base.listen_address import Address


def reserve(address: Address, *, share: bool) -> socket.socket:
    """Bind the port without listening on it, to find out whether it is free, and to choose one for port 0.

    With ``share`` the workers may bind it as well. The first bind is always without: it fails where another origin
    listens, which would otherwise lose a part of its requests to this one. Raises ``OSError``.
    """
    family, kind, protocol, _, bound = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    for option in (None, socket.SO_REUSEPORT) if share else (None,):
        reserved = socket.socket(family, kind, protocol)
        reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if option is not None:
            reserved.setsockopt(socket.SOL_SOCKET, option, 1)
        reserved.bind(bound)
        bound = reserved.getsockname()
        if share and option is None:
            reserved.close()
    return reserved
