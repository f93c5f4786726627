"""The real system, started once for each test process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.database import Database
from stack.system import Settings, Stack
from tests.site import Site


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), Settings(edges=2)) as running:
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
