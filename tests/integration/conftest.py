"""The real system, started once for each test process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from stack.system import Settings, Stack
from tests.site import Site


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    with Stack(tmp_path_factory.mktemp("stack"), Settings(edges=2)) as running:
        yield running


@pytest.fixture
def site(stack: Stack, tmp_path: Path) -> Iterator[Site]:
    """The site as its users, moderators and clients see it."""
    with Site(stack, tmp_path) as site:
        yield site
