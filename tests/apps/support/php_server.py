"""Run an application in PHP as sites do: nginx before php-fpm, both on loopback."""

import grp
import os
import shutil
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import pytest

from stack.processes.commands import user_name
from stack.processes.ports import free_port
from stack.processes.server import Server


def php_fpm() -> str | None:
    """Return the program php-fpm, whose name has PHP's version on Debian; None: it is not installed."""
    found = sorted(Path("/usr/sbin").glob("php-fpm*"))
    return shutil.which("php-fpm") or (str(found[-1]) if found else None)


def require(package: str, file: Path, *programs: str) -> None:
    """Skip the calling module unless an application's ``file``, of a Debian package, PHP and nginx are installed."""
    missing = [] if file.exists() else [package]
    missing += [] if php_fpm() else ["php-fpm"]
    missing += [each for each in ("nginx", "php", *programs) if not shutil.which(each)]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (CONTRIBUTING.md, Applications)", allow_module_level=True)


class PhpServer:
    """An nginx whose ``server`` block a test writes. ``{php}`` in it is where php-fpm listens."""

    def __init__(self, directory: Path, server: str, settings: Mapping[str, str] | None = None) -> None:
        """Take the block, and further settings of PHP (``php_admin_value``)."""
        directory.mkdir(parents=True)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"
        self._running = ExitStack()
        self.fpm = self._make_fpm(directory / "fpm", dict(settings or {}))
        self.nginx = self._make_nginx(directory / "nginx", server.replace("{php}", f"127.0.0.1:{self.fpm.ports[0]}"))

    def __enter__(self) -> Self:
        with ExitStack() as running:
            running.enter_context(self.fpm)
            running.enter_context(self.nginx)
            self._running = running.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._running.__exit__(kind, error, traceback)

    def _make_fpm(self, directory: Path, settings: dict[str, str]) -> Server:
        directory.mkdir()
        port = free_port()
        values = {"upload_max_filesize": "50M", "post_max_size": "60M", "display_errors": "stderr"} | settings
        pool = [
            *("[www]", f"user = {user_name()}", f"group = {_group()}", f"listen = 127.0.0.1:{port}"),
            *("pm = static", "pm.max_children = 3", "clear_env = no", "catch_workers_output = yes"),
            *(f"php_admin_value[{name}] = {value}" for name, value in values.items()),
        ]
        configuration = directory / "fpm.conf"
        configuration.write_text("[global]\nerror_log = /dev/stderr\ndaemonize = no\n" + "\n".join(pool) + "\n")
        # -R: as root, whose files the test's are.
        command: list[str | Path] = [php_fpm() or "php-fpm", "-R", "-F", "-y", configuration]
        return Server("php-fpm", directory, command, ports=[port])

    def _make_nginx(self, directory: Path, server: str) -> Server:
        directory.mkdir()
        temporary = "\n".join(
            f"{each}_temp_path {directory}/{each};" for each in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        configuration = directory / "nginx.conf"
        configuration.write_text(f"""
{f"user {user_name()} {_group()};" if os.geteuid() == 0 else ""}
daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 256; }}
http {{
    include /etc/nginx/mime.types; default_type application/octet-stream;
    access_log {directory}/access.log combined; client_max_body_size 60m;
    {temporary}
    server {{
        listen 127.0.0.1:{self.port};
        {server}
    }}
}}
""")
        command: list[str | Path] = ["nginx", "-c", configuration, "-e", directory / "error.log"]
        return Server("nginx", directory, command, ports=[self.port])


def _group() -> str:
    return grp.getgrgid(os.getgid()).gr_name
