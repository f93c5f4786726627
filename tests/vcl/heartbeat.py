"""Send a heartbeat with a time of the edge's own clock, as the purger does: varnishtest cannot compute one.

Usage: heartbeat.py HOST:PORT TOKEN-FILE [SECONDS]. E is SECONDS earlier than Takedown-Now of the edge.
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
