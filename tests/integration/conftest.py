"""The real system, started once for each test process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.database import Database
from stack.system import Settings, Stack
from tests.support.fleet import Fleet
from tests.support.site import Site


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    # Trust is taken for granted here: neither the lease nor a fetch ends because the machine has other work to do. Nor
    # does the purger's own audit find the bans that a test has hidden from it.
    settings = Settings(
        edges=2,
        edge_settings={"lease": 120.0, "fetch_timeout": 20.0},
        purger_options={"PURGER_AUDIT_INTERVAL": "86400", "PURGER_PRUNE_INTERVAL": "86400"},
    )
    with Stack(tmp_path_factory.mktemp("stack"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A migrated database of the module's own, and nothing else."""
    with Database(tmp_path_factory.mktemp("database")) as running:
        running.migrate()
        yield running


@pytest.fixture
def site(stack: Stack, tmp_path: Path) -> Iterator[Site]:
    """The site as its users, moderators and clients see it."""
    with Site(stack, tmp_path) as site:
        yield site


@pytest.fixture(scope="module")
def running_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """The module's own fleet."""
    with Fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture
def fleet(running_fleet: Fleet) -> Iterator[Fleet]:
    """The module's fleet, all well and with a fresh log of the purger."""
    running_fleet.edge.wait_trusted()
    running_fleet.settle()
    running_fleet.read_log_from_here()
    yield running_fleet
    assert "bug" not in running_fleet.log(), running_fleet.purger.log_tail()
