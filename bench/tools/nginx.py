"""Runs nginx with one process, as a peer of the edge or instead of an origin."""

import grp
import os
from pathlib import Path

from stack.processes.commands import user_name
from stack.processes.ports import free_port
from stack.processes.server import Server


def nginx(directory: Path, location: str, rest: str = "") -> Server:
    """Make a server of one ``location`` block; ``rest`` goes into the block ``http``."""
    port = free_port()
    directory.mkdir(parents=True)
    configuration = directory / "nginx.conf"
    configuration.write_text(f"""
user {user_name()} {grp.getgrgid(os.getgid()).gr_name};
daemon off; worker_processes 1; pid {directory}/pid; error_log {directory}/error.log;
events {{ worker_connections 512; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000000;
    client_body_temp_path {directory}/body; proxy_temp_path {directory}/proxy; fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi; scgi_temp_path {directory}/scgi;
    {rest}
    server {{
        listen 127.0.0.1:{port};
        {location}
    }}
}}
""")
    command: list[str | Path] = ["nginx", "-c", configuration, "-e", directory / "error.log"]
    return Server("nginx", directory, command, ports=[port])
