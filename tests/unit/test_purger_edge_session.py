"""Judge an edge by the outcome of requests, without a real edge."""

from pathlib import Path
from typing import cast

import pytest

from purger.edge_session import EdgeSession
from purger.errors import UnreachableError
from purger.lease import Lease
from purger.model import Edge
from purger.progress import Progress
from purger.recorder import Recorder
from purger.settings import Settings


class Silent:
    """A recorder that writes nothing down."""

    def alive(self, edge: str, **_state: object) -> None:
        pass


@pytest.mark.parametrize("names_position", [True, False])
def test_an_edge_that_was_out_of_reach_is_asked_where_it_is_before_anything_else(
    tmp_path: Path, names_position: bool
) -> None:
    progress = Progress(0.5, (5.0, 60.0), Lease(1.0), confirmed=True, names_position=names_position)
    edge = Edge("paris", "http://127.0.0.1:9", "http://127.0.0.1:9", str(tmp_path / "token"))
    recorder = cast("Recorder", Silent())
    session = EdgeSession(edge, Settings(database_url=""), progress, recorder, lambda _: False)
    session.interrupt()
    session.failed(UnreachableError("no answer"))
    assert progress.confirmed is not names_position, "one of version 0.1 has nothing to tell of it"
