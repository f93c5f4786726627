"""Run hitch, which ends TLS before a listener."""

from pathlib import Path

import psutil

from stack.processes.commands import user_name
from stack.processes.ports import free_port
from stack.processes.server import Server


class Hitch(Server):
    """A ``hitch`` on loopback before the listener on ``backend_port``, to which it speaks PROXY."""

    def __init__(
        self, directory: Path, backend_port: int, pem: Path, *, client_ca: Path | None = None, http2: bool = False
    ) -> None:
        """``pem`` holds certificate and key. With ``client_ca``, only clients with its certificates get through."""
        self.port = free_port()
        self.url = f"https://127.0.0.1:{self.port}"
        directory.mkdir(parents=True, exist_ok=True)
        lines = [
            f'frontend = "[127.0.0.1]:{self.port}"',
            f'backend = "[127.0.0.1]:{backend_port}"',
            f'pem-file = "{pem}"',
            "write-proxy-v2 = on",
            "workers = 1",
            "daemon = off",
        ]
        if http2:
            lines.append('alpn-protos = "h2, http/1.1"')
        if client_ca is not None:
            lines += ["client-verify = required", f'client-verify-ca = "{client_ca}"']
        if user_name() == "root":
            lines.append('user = "nobody"')  # its workers refuse to be root
        configuration = directory / "hitch.conf"
        configuration.write_text("\n".join(lines) + "\n")
        super().__init__("hitch", directory, ["hitch", f"--config={configuration}"], ports=[self.port])

    def after_start_check(self) -> bool:
        """Tell whether the worker accepts connections. The parent listens first, and closes its socket again."""
        assert self.process is not None
        has_worker = self.running() and psutil.Process(self.process.pid).children()
        return super().after_start_check() and bool(has_worker)
