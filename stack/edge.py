"""A Varnish edge of its own, with the project's VCL."""

import json
import secrets
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import requests

from stack.ports import free_port
from stack.server import Server
from stack.vcl import render
from stack.waiting import wait_until


class Edge(Server):
    """``varnishd`` with ``varnish/default.vcl`` rendered for this machine; ``settings`` go to ``stack.vcl.render``."""

    def __init__(
        self,
        directory: Path,
        backend: str,
        *,
        name: str = "edge1",
        public_port: int = 0,
        purge_port: int = 0,
        storage: str = "64M",
        **settings: Any,
    ) -> None:
        self.edge_name = name
        self.public_port = public_port or free_port()
        self.purge_port = purge_port or free_port()
        self.url = f"http://127.0.0.1:{self.public_port}"
        self.purge_url = f"http://127.0.0.1:{self.purge_port}"
        directory.mkdir(parents=True, exist_ok=True)
        self.token_file = directory / "token"
        if not self.token_file.exists():
            self.token_file.touch(mode=0o600)
            self.token_file.write_text(secrets.token_urlsafe(24) + "\n")
        self._workdir = directory / "varnishd"
        self.vcl = render(directory / "vcl", backend=backend, token_file=self.token_file, **settings)
        super().__init__(
            name,
            directory,
            [
                *("varnishd", "-F", "-j", "none", "-n", self._workdir, "-f", self.vcl, "-T", "127.0.0.1:0"),
                *("-a", f"public=127.0.0.1:{self.public_port}", "-a", f"purge=127.0.0.1:{self.purge_port}"),
                *("-s", f"default,{storage}", "-s", "Transient=default,32M", "-p", "thread_pool_min=50"),
                # In fail-safe mode all lives are short: they belong to the main storage too.
                *("-p", "shortlived=0"),
            ],
            ports=[self.public_port, self.purge_port],
        )

    def stop(self, stop_signal: int | None = None, expected_returncode: int | None = None) -> Self:
        """End the edge. The signal goes to the manager alone, to whom a child that ends by itself is a failure."""
        if self.process is not None:
            self.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                self.process.wait(10)
        return super().stop(stop_signal, expected_returncode)

    def token(self) -> str:
        """The token that the purge listener asks for."""
        return self.token_file.read_text().strip()

    def ask(self, method: str, path: str = "/", **headers: str) -> requests.Response:
        """Send one request with the token to the purge listener; ``takedown_codes`` becomes ``Takedown-Codes``."""
        names = {"Authorization": f"Bearer {self.token()}"}
        names |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        return requests.request(method, self.purge_url + path, headers=names, timeout=10)

    def trusted(self) -> bool:
        """Whether the edge trusts its cache now: the lease holds."""
        return self.ask("HEARTBEAT").headers.get("Takedown-Mode") == "trusted"

    def wait_trusted(self, seconds: float = 20) -> None:
        """Wait until the lease holds. Raises ``TimeoutError``."""
        wait_until(self.trusted, f"a heartbeat at {self.name}", seconds)

    def counters(self) -> dict[str, int]:
        """The counters of varnishstat, such as ``MAIN.cache_hit``."""
        out = self._tool("varnishstat", "-1", "-j")
        return {name: int(entry["value"]) for name, entry in json.loads(out)["counters"].items()}

    def reload(self, label: str) -> None:
        """Load the VCL again under a new name and use it."""
        self._tool("varnishadm", "vcl.load", label, str(self.vcl))
        self._tool("varnishadm", "vcl.use", label)

    def _tool(self, program: str, *arguments: str) -> str:
        result = subprocess.run([program, "-n", self._workdir, *arguments], capture_output=True, text=True, check=True)
        return result.stdout
