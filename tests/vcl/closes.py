"""Send what stdin has to HOST PORT, and print "closed" if the edge then closes the connection without an answer.

Vinyl Cache writes the line of a 400 before it closes, and Varnish nothing. Printed is what comes else.
"""

import contextlib
import socket
import sys

with socket.create_connection((sys.argv[1], int(sys.argv[2])), 60) as connection:
    answer = b""
    with contextlib.suppress(ConnectionError):  # closed before it has read everything
        connection.sendall(sys.stdin.buffer.read())
        while part := connection.recv(65536):
            answer += part
print("closed" if answer in (b"", b"HTTP/1.1 400 Bad Request\r\n\r\n") else answer)
