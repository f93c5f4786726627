"""Send a heartbeat with the edge's own clock in it, as the purger does: varnishtest has no command for that.

Usage: heartbeat.py HOST:PORT TOKEN-FILE [SECONDS]. E is the clock that the edge answers with, less SECONDS.
"""

import http.client
import sys
from pathlib import Path


def heartbeat(address: str, token: str, epoch: str | None) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection(address, timeout=60)
    headers = {"Authorization": f"Bearer {token}"} | ({"Takedown-Epoch": epoch} if epoch else {})
    connection.request("HEARTBEAT", "/", headers=headers)
    answer = connection.getresponse()
    if answer.status != 200:
        sys.exit(f"HEARTBEAT {epoch} got {answer.status} {answer.reason}")
    return answer


def main(address: str, token_file: str, seconds: str = "0") -> None:
    token = Path(token_file).read_text().strip()
    clock = heartbeat(address, token, None).headers["Takedown-Now"]
    answer = heartbeat(address, token, f"{float(clock) - float(seconds):.3f}")
    print(answer.headers["Takedown-Mode"], answer.headers["Takedown-Epoch"])


main(*sys.argv[1:])
