"""Send a request again while its answer is 503, which on a busy machine says that a lookup was late."""

from collections.abc import Callable

import requests

from stack.processes.waiting import wait_until


def ask_again(ask: Callable[[], requests.Response], what: str) -> requests.Response:
    """Send a request until its answer is other than 503, and return that answer.

    The origin answers 503 where a lookup takes too long, and then for a second to all that need one. ``what`` is asked
    for. Raises ``TimeoutError``.
    """

    def answered() -> requests.Response | None:
        answer = ask()
        return None if answer.status_code == 503 else answer

    return wait_until(answered, f"an answer other than 503 for {what}")
