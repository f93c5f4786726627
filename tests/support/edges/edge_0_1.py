"""Run edges with the VCL of version 0.1, which lies in ``tests/data/edge_0_1`` as it was released."""

import shutil
from pathlib import Path
from typing import Any

from stack.edge import Edge
from stack.vcl import render

_SOURCE = Path(__file__).parents[2] / "data" / "edge_0_1"


def downgrade(edge: Edge, backend: str, *, lease: float = 10.0, fail_safe_ttl: float = 2.0) -> None:
    """Put the VCL of 0.1 in the place of an edge's own, for its next start or load.

    ``backend`` is HOST:PORT, the other settings are seconds.
    """
    shutil.rmtree(edge.vcl.parent)
    shutil.copytree(_SOURCE, edge.vcl.parent)
    host, _, port = backend.rpartition(":")
    text = edge.vcl.read_text()
    for old, new in {
        '.host = "127.0.0.1"': f'.host = "{host}"',
        '.port = "8000"': f'.port = "{port}"',
        "/etc/varnish/takedown.token": str(edge.token_file),
        '"lease", 10s': f'"lease", {lease:.3f}s',
        '"fail-safe TTL", 2s': f'"fail-safe TTL", {fail_safe_ttl:.3f}s',
    }.items():
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    edge.vcl.write_text(text)


def upgrade(edge: Edge, backend: str, **settings: Any) -> None:
    """Load the current VCL into a running edge, which keeps its cache. ``settings`` go to ``stack.vcl.render``."""
    shutil.rmtree(edge.vcl.parent)
    render(edge.vcl.parent, backend=backend, token_file=edge.token_file, **settings)
    edge.reload("today")
