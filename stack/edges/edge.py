"""Run a Varnish edge with the project's VCL."""

import secrets
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import requests

from stack.edges.varnish import Varnish
from stack.edges.vcl import render
from stack.processes.ports import free_port
from stack.processes.waiting import PATIENCE, wait_until


class Edge(Varnish):
    """A ``varnishd`` with the project's VCL, rendered with ``settings`` (arguments of ``stack.edges.vcl.render``)."""

    def __init__(
        self,
        directory: Path,
        backend: str,
        *,
        name: str = "edge1",
        public_port: int = 0,
        purge_port: int = 0,
        storage: str = "64M",
        proxied: Collection[str] = (),
        tls: bool = False,
        parameters: Mapping[str, str | float] | None = None,
        **settings: Any,
    ) -> None:
        """Prepare the edge; it starts in a ``with`` block or by ``start``.

        ``tls`` adds a public listener for a program that ends TLS before the edge: it takes PROXY and HTTP/2.
        ``parameters`` of varnishd replace those in ``varnish/parameters.cli``.
        """
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
        self.vcl = render(directory / "vcl", backend=backend, token_file=self.token_file, **settings)
        listeners = {"public": self.public_port, "purge": self.purge_port}
        source: list[str | Path] = ["-f", self.vcl]
        if tls:
            self.tls_port = listeners["tls"] = free_port()
            source += ["-p", "feature=+http2"]
            proxied = {*proxied, "tls"}
        super().__init__(name, directory, listeners, source, storage, proxied, parameters)

    def token(self) -> str:
        """Return the token that the purge listener asks for."""
        return self.token_file.read_text().strip()

    def ask(self, method: str, path: str = "/", **headers: str) -> requests.Response:
        """Send one request with the token to the purge listener; ``takedown_codes`` becomes ``Takedown-Codes``."""
        names = {"Authorization": f"Bearer {self.token()}"}
        names |= {name.replace("_", "-").title(): value for name, value in headers.items()}
        return requests.request(method, self.purge_url + path, headers=names, timeout=PATIENCE)

    def purges(self) -> int:
        """Count the purges of tags that the edge has carried out, as far back as the log in its memory goes."""
        # varnishd counts purges of its own only, not those of vmod xkey.
        carried_out = 'ReqMethod eq "PURGE" and RespStatus == 200'
        return self.varnishlog("-g", "request", "-q", carried_out, "-i", "ReqMethod").count("PURGE")

    def trusted(self) -> bool:
        """Tell whether the edge trusts its cache, that is whether its lease holds."""
        return self.ask("HEARTBEAT").headers.get("Takedown-Mode") == "trusted"

    def wait_trusted(self, seconds: float = PATIENCE) -> None:
        """Wait until the edge trusts its cache. Raises ``TimeoutError``."""
        wait_until(self.trusted, f"a heartbeat at {self.name}", seconds)

    def reload(self, label: str) -> None:
        """Load the edge's VCL again under the name ``label`` and use it."""
        self.load(label, self.vcl)
