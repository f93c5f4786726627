"""Hold a fetch after the fence, past a purge and its rebound: a later rebound removes the object that it stores."""

from pathlib import Path

import pytest

from stack.processes.waiting import wait_until
from tests.chaos.system.system_with_proxies import System
from tests.support.edges.fetch_held_after_fence import held_fetch
from tests.support.edges.first_edge import OneEdgeSite

#: Seconds, longer than any test.
NEVER = "86400"


@pytest.mark.parametrize(
    ("later", "last", "missed"),
    [("8", NEVER, "rebounded"), ("0.6", "10", "rebounded_later")],
    ids=["later", "last"],
)
def test_what_a_held_thread_brings_goes_with_the_next_rebound(
    tmp_path: Path, later: str, last: str, missed: str
) -> None:
    delays = {"PURGER_LATER_REBOUND_DELAY": later, "PURGER_LAST_REBOUND_DELAY": last}
    with System(tmp_path, edges=1, lease=600, fetch_timeout=60, purger_options=delays) as system:
        site = OneEdgeSite(system)
        code = site.new_image()
        with held_fetch(site.edge, code, tmp_path):
            # The purger probes banned images only, so only rebounds can remove a replaced one.
            site.replace(code)
            system.wait_acknowledged()
            done = f"SELECT COUNT(*) FROM edges, numbering WHERE {missed} = last_batch"
            wait_until(lambda: system.number(done) == 1, f"the edge has {missed} everything")
        site.wait_shown(code, 2)
