"""A receiver of webhooks in a process of its own, which verifies each of them with the library of Standard Webhooks.

It is run with a port, the file of its secret and a directory: what it took is a line of JSON each in ``taken``, and the
word in ``mode`` says how it behaves.
"""

import contextlib
import json
import sys
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BufferedIOBase
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from stack.processes.ports import free_port
from stack.processes.server import Server

#: Seconds of the slow modes, in which the receiver sends a byte now and then.
_SLOW = 30


class Receiver(Server):
    """The process, and what it has taken."""

    def __init__(self, directory: Path, secret_file: Path) -> None:
        self.port = free_port()
        super().__init__(
            "receiver",
            directory,
            [sys.executable, "-m", "tests.support.webhook_receiver", str(self.port), secret_file, directory],
            ports=[self.port],
            environment={"PYTHONPATH": str(Path(__file__).parents[2])},
        )
        self.url = f"http://127.0.0.1:{self.port}/takedowns?from=edges"
        self.behave("ok")

    def behave(self, mode: str) -> None:
        """Change the way in which it answers."""
        (self.directory / "mode").write_text(mode)

    def seen(self) -> list[dict[str, Any]]:
        """Return every request, with whether its signature was right and whether it was taken."""
        file = self.directory / "taken"
        lines = file.read_text().splitlines() if file.exists() else []
        return [json.loads(line) for line in lines]

    def taken(self, takedown: int | None = None) -> list[tuple[int, str]]:
        """Return takedown and type of each event that it took, in order."""
        every = [
            (each["body"]["data"]["takedown"], each["body"]["type"].removeprefix("takedown."))
            for each in self.seen()
            if each["taken"]
        ]
        return [each for each in every if takedown in (None, each[0])]


def _handler(secret: str, directory: Path) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            mode = (directory / "mode").read_text()
            right = True
            try:
                Webhook(secret).verify(body, dict(self.headers.items()))
            except WebhookVerificationError:
                right = False
            event = json.loads(body)
            refused = mode == f"refuse {event['data']['takedown']}" and event["type"] == "takedown.gone"
            taken = right and not refused and (mode in ("ok", "endless body") or mode.startswith("refuse "))
            line = {"path": self.path, "right": right, "taken": taken, "body": event, **self._signed()}
            with (directory / "taken").open("a") as file:
                file.write(json.dumps(line) + "\n")
            self.close_connection = True
            with contextlib.suppress(OSError):
                _answer(self.wfile, "422" if refused else mode if right else "401")

        def _signed(self) -> dict[str, Any]:
            return {"id": self.headers["webhook-id"], "signature": self.headers["webhook-signature"]}

        def log_message(self, *_: object) -> None: ...

    return Handler


def _answer(to: BufferedIOBase, mode: str) -> None:
    """Answer as a mode says, which may be a status."""
    if mode == "endless body":
        to.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            to.write(b"8000\r\n" + b"x" * 0x8000 + b"\r\n")
    elif mode in ("slow head", "endless head"):
        to.write(b"HTTP/1.1 200 OK\r\n")
        until = time.monotonic() + _SLOW
        while time.monotonic() < until:
            to.write(b"X: y\r\n" if mode == "endless head" else b"X")
            time.sleep(0 if mode == "endless head" else 0.5)
    elif mode == "redirect":
        to.write(b"HTTP/1.1 307 No\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n")
    else:
        status = int(mode) if mode.isdigit() else 204
        to.write(f"HTTP/1.1 {status} Answer\r\nContent-Length: 0\r\n\r\n".encode())


def main(port: str, secret_file: str, directory: str) -> None:
    """Serve until the process ends."""
    secret = Path(secret_file).read_text().split()[0]
    ThreadingHTTPServer(("127.0.0.1", int(port)), _handler(secret, Path(directory))).serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
