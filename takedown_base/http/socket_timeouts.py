"""Bounds the waits of a socket in the kernel.

Python bounds them with a poll before each send and receive: twice as many system calls, after each of which a thread
waits for the interpreter again.
"""

import socket
import struct


def wait_in_kernel(sock: socket.socket, receive: float, send: float) -> None:
    """Bound each wait of ``sock`` to these seconds: ``BlockingIOError`` is raised afterwards, and not TimeoutError.

    A later ``settimeout`` of the socket counts instead.
    """
    sock.settimeout(None)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, _timeval(receive))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, _timeval(send))


def _timeval(seconds: float) -> bytes:
    # All zeros would be no limit.
    microseconds = max(1, round(seconds * 1_000_000))
    return struct.pack("@ll", *divmod(microseconds, 1_000_000))
