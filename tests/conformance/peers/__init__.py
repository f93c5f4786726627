"""Start a cache on loopback for the suite: this project's edge, or a peer with its usual way to purge."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

from stack.edges.edge import Edge
from stack.edges.varnish import Varnish, varnish_program
from stack.processes.ports import free_port
from stack.processes.server import Server
from tests.conformance.bench import Cache

PEERS = ("edge", "varnish", "nginx")

_TEMPLATES = Path(__file__).resolve().parent

#: Directories in which Debian's servers lie, and which ordinary users do not have in PATH.
_SERVERS = "/usr/sbin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Started:
    """A cache that runs, the addresses at which it expects its origin and a site's own server, and its version."""

    cache: Cache
    origin: str
    site: str | None
    version: str


@contextmanager
def start(peer: str, directory: Path, lease: float, fail_safe_ttl: float) -> Iterator[Started]:
    """Run a cache inside the block."""
    address = f"127.0.0.1:{free_port()}"
    if peer == "edge":
        site = f"127.0.0.1:{free_port()}"
        edge = Edge(directory, address, lease=lease, fail_safe_ttl=fail_safe_ttl, site=site, name="edge")
        with edge:
            cache = Cache.at(edge.url, edge.purge_url, edge.token_file, lease, fail_safe_ttl, "thumb")
            yield Started(cache, address, site, f"edge ({_version([varnish_program('varnishd'), '-V'])})")
        return
    # One listener: both peers tell purgers by their address.
    port = free_port()
    server = {"varnish": _varnish, "nginx": _nginx}[peer](directory, port, address)
    program = varnish_program("varnishd") if peer == "varnish" else _nginx_program()
    with server:
        url = f"http://127.0.0.1:{port}"
        version = _version([program, "-V" if peer == "varnish" else "-v"])
        cache = Cache.at(url, url, None, lease, fail_safe_ttl, "thumb")
        yield Started(cache, address, None, f"{peer} ({version})")


def _varnish(directory: Path, port: int, backend: str) -> Server:
    vcl = _filled("varnish.vcl", directory, port, backend)
    return Varnish("varnish", directory, {"public": port}, ["-f", vcl])


def _nginx(directory: Path, port: int, backend: str) -> Server:
    (directory / "cache").mkdir(parents=True)
    configuration = _filled("nginx.conf", directory, port, backend)
    command: list[str | Path] = [_nginx_program(), "-p", directory, "-e", directory / "error.log", "-c", configuration]
    return Server("nginx", directory, command, ports=[port])


def _filled(name: str, directory: Path, port: int, backend: str) -> Path:
    """Copy a configuration file with its ports and paths filled in."""
    host, _, origin_port = backend.rpartition(":")
    # As root, nginx gives its workers to another user, who may not read the directory.
    user = "" if os.geteuid() else "user root;"
    values = {
        "user": user,
        "directory": str(directory),
        "port": str(port),
        "origin_host": host,
        "origin_port": origin_port,
    }
    path = directory / name
    path.write_text(Template((_TEMPLATES / name).read_text()).substitute(values))
    return path


def _nginx_program() -> str:
    return shutil.which("nginx") or shutil.which("nginx", path=_SERVERS) or "nginx"


def _version(command: list[str]) -> str:
    """Return name and version that a program tells, such as ``varnish-7.7.0``."""
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.search(r"(?:varnish|vinyl(?:-cache)?|nginx)[-/][0-9.]+", done.stdout + done.stderr)
    return found[0].replace("/", " ") if found else "unknown version"
