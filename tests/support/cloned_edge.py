"""A second varnishd that says it is the same instance of an edge: what a snapshot of the edge's machine brings back."""

import re
from pathlib import Path
from typing import Any

from stack.edge import Edge


def instance_of(edge: Edge) -> str:
    """The instance that a running edge says it is."""
    return edge.ask("HEARTBEAT").headers["ETag"].strip('"')


def sibling_of(edge: Edge, directory: Path, backend: str, **settings: Any) -> Edge:
    """Make an edge with the name and the token of another one, as one beside it behind the same address has them."""
    directory.mkdir(parents=True)
    token_file = directory / "token"
    token_file.touch(mode=0o600)
    token_file.write_text(edge.token_file.read_text())
    return Edge(directory, backend, name=edge.edge_name, **settings)


def clone_of(edge: Edge, directory: Path, backend: str, **settings: Any) -> Edge:
    """Make an edge with the instance and the token of one that runs.

    No process can be copied here with its memory. Freeze the twin in place of that, let the other one serve, and
    then let the twin go on behind the same addresses: the purger sees one edge that went back to what the twin has.
    """
    twin = sibling_of(edge, directory, backend, **settings)
    insert_line(twin, after="sub vcl_init {\n", line=f'    var.global_set("instance", "{instance_of(edge)}");\n')
    return twin


def insert_line(edge: Edge, *, after: str, line: str) -> None:
    """Insert a line into an edge's VCL before it is loaded. ``after`` must stand there once."""
    text = edge.vcl.read_text()
    if len(re.findall(re.escape(after), text)) != 1:
        raise ValueError(f"{after!r} does not stand once in {edge.vcl}")
    edge.vcl.write_text(text.replace(after, after + line))
