"""Start the whole system once for each test process, and parts of it for single modules."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.databases.database import Database
from stack.system import Stack, StackSettings
from tests.support.database.outbox_connections import Connections
from tests.support.edges.fleet import Fleet
from tests.support.sites.moderation_desk import Desk
from tests.support.sites.site_actions import Site


@pytest.fixture(scope="session")
def shared_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    # On a busy machine neither a lease nor a fetch may end early, and the purger's own audit must not find the bans
    # that a test hides from it.
    settings = StackSettings(
        edges=2,
        edge_settings={"lease": 120.0, "fetch_timeout": 20.0},
        purger_options={"PURGER_AUDIT_INTERVAL": "86400", "PURGER_PRUNE_INTERVAL": "86400"},
    )
    with Stack(tmp_path_factory.mktemp("stack"), settings) as running:
        yield running
        running.purger.resume()


@pytest.fixture(scope="module")
def stack(shared_stack: Stack) -> Iterator[Stack]:
    """Give the module the stack of its test process. Between modules its purger rests: it would poll without an end."""
    shared_stack.purger.resume()
    for edge in shared_stack.edges:
        edge.wait_trusted()
    yield shared_stack
    shared_stack.purger.pause()


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """Run a migrated database for the module, and nothing else."""
    with Database(tmp_path_factory.mktemp("database"), migrated=True) as running:
        yield running


@pytest.fixture
def site(stack: Stack, tmp_path: Path) -> Iterator[Site]:
    """Give the test access to the stack as client, moderator and administrator."""
    with Site(stack, tmp_path) as site:
        yield site


@pytest.fixture(scope="module")
def running_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Run a database, a purger and an edge for the module."""
    with Fleet(tmp_path_factory.mktemp("fleet")) as fleet:
        yield fleet


@pytest.fixture
def fleet(running_fleet: Fleet) -> Iterator[Fleet]:
    """Wait until the module's fleet has settled, and forget the purger's log so far."""
    running_fleet.edge.wait_trusted()
    running_fleet.settle()
    running_fleet.read_log_from_here()
    yield running_fleet
    assert "bug" not in running_fleet.log(), running_fleet.purger.log_tail()


@pytest.fixture
def desk(database: Database) -> Iterator[Desk]:
    """Give the test the module's database as a moderator has it, with one edge and no purger."""
    with database.connect_admin() as connection, connection.cursor() as cursor:
        yield Desk(database, cursor)


@pytest.fixture
def connections(database: Database) -> Iterator[Connections]:
    """Connect to the module's database with several accounts, once all changes are numbered."""
    with Connections(database) as connections:
        connections.run("purger", "SELECT 1")
        connections.number_all()
        yield connections
