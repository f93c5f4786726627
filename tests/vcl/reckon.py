"""Print when a browser stops showing an image unasked: ``reckon.py HOST:PORT PATH SECONDS``.

It reckons as RFC 9111 says (4.2.1 and 4.2.3), by a clock that is ``SECONDS`` ahead of the right one, or behind.
"""

import http.client
import sys
import time
from email.utils import parsedate_to_datetime


def reckon(address: str, path: str, ahead: float) -> str:
    """Tell how many seconds before or after its Expires the image ends, by the right clock."""
    client = http.client.HTTPConnection(address, timeout=60)
    asked = time.time()
    client.request("GET", path)
    answer = client.getresponse()
    answered = time.time()
    answer.read()
    dated, expires = (parsedate_to_datetime(answer.headers[name]).timestamp() for name in ("Date", "Expires"))

    def ends(now: float) -> float:
        age = max(0.0, now + ahead - dated, float(answer.headers.get("Age", "0")))
        return now + (expires - dated) - age - expires

    # The edge has written Age and Date at some moment in between.
    after = round(max(ends(asked), min(ends(answered), 0.0)))
    return f"{answer.status} hit={'; hit' in answer.headers['Cache-Status']} ends {after:+d} s"


if __name__ == "__main__":
    print(reckon(sys.argv[1], sys.argv[2], float(sys.argv[3])))
