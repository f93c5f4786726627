"""Send a heartbeat with a time of the edge's own clock, as the purger does: varnishtest cannot compute one.

Usage: heartbeat.py HOST:PORT TOKEN-FILE [SECONDS]. E is SECONDS earlier than Takedown-Now of the edge.
"""

import socket
import sys


def heartbeat(address: str, token: str, epoch: str | None) -> dict[str, str]:
    """Return the headers of the answer. Without http.client, whose import takes longer than all of this."""
    host, _, port = address.rpartition(":")
    lines = ["HEARTBEAT / HTTP/1.1", "Host: edge", f"Authorization: Bearer {token}", "Connection: close"]
    lines += [f"Takedown-Epoch: {epoch}"] if epoch else []
    with socket.create_connection((host, int(port)), 60) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        answer = b"".join(iter(lambda: connection.recv(4096), b"")).decode()
    status, *fields = answer.partition("\r\n\r\n")[0].split("\r\n")
    if not status.startswith("HTTP/1.1 200"):
        sys.exit(f"HEARTBEAT {epoch} got {status.removeprefix('HTTP/1.1 ')}")
    return {name: value.strip() for name, _, value in (field.partition(":") for field in fields)}


def main(address: str, token_file: str, seconds: str = "0") -> None:
    with open(token_file) as file:  # noqa: PTH123 (pathlib takes longer to import than all of this)
        token = file.read().strip()
    clock = heartbeat(address, token, None)["Takedown-Now"]
    answer = heartbeat(address, token, f"{float(clock) - float(seconds):.3f}")
    print(answer["Takedown-Mode"], answer["Takedown-Epoch"])


main(*sys.argv[1:])
