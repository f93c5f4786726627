"""Log why the database is unavailable, on real sockets."""

import socket
import time
from collections import Counter

import pytest

from origin.answering.lookup import Lookup
from stack.processes.waiting import wait_until
from takedown_db.connection.errors import DatabaseUnavailableError


def test_each_kind_of_reason_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    def reasons() -> list[str]:
        with pytest.raises(DatabaseUnavailableError):
            lookup.find("abc", "original", time.monotonic())
        return [message.partition("answered 503: ")[2] for message in caplog.messages]

    with socket.create_server(("127.0.0.1", 0)) as silent:
        lookup = Lookup(f"mysql://anybody@127.0.0.1:{silent.getsockname()[1]}/takedown")
        assert reasons() == ["no connection in time"]
    # Nobody listens any more, which the first reason does not say.
    wait_until(lambda: any("Can't connect" in reason for reason in reasons()), "the later reason")
    for _ in range(5):
        assert max(Counter(reasons()).values()) == 1
