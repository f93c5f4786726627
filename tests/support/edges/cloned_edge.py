"""Make a second varnishd with the instance of a running edge, as restoring a snapshot of its machine does."""

import re
from pathlib import Path
from typing import Any

from stack.edges.edge import Edge


def instance_of(edge: Edge) -> str:
    """Return the instance that a running edge tells in its heartbeats."""
    return edge.ask("HEARTBEAT").headers["ETag"].strip('"')


def sibling_of(edge: Edge, directory: Path, backend: str, **settings: Any) -> Edge:
    """Make an edge with the name and the token of another one, as if both were behind one address."""
    directory.mkdir(parents=True)
    token_file = directory / "token"
    token_file.touch(mode=0o600)
    token_file.write_text(edge.token_file.read_text())
    return Edge(directory, backend, name=edge.edge_name, **settings)


def clone_of(edge: Edge, directory: Path, backend: str, **settings: Any) -> Edge:
    """Make an edge with the instance and the token of one that runs.

    A process cannot be copied with its memory. Instead: freeze the clone, let the other edge serve, then let
    the clone go on behind the same addresses. The purger sees one edge that goes back to the clone's cache.
    """
    clone = sibling_of(edge, directory, backend, **settings)
    loaded = "    call takedown_position_load;\n"
    copied = f'    var.global_set("instance", "{instance_of(edge)}");\n    var.global_set("position", "0:none");\n'
    insert_line(clone, after=loaded, line=copied)
    return clone


def insert_line(edge: Edge, *, after: str, line: str) -> None:
    """Insert a line into an edge's VCL before it is loaded. Raises ``ValueError`` unless ``after`` occurs once."""
    text = edge.vcl.read_text()
    if len(re.findall(re.escape(after), text)) != 1:
        raise ValueError(f"{edge.vcl} does not contain {after!r} exactly once")
    edge.vcl.write_text(text.replace(after, after + line))
