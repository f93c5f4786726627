"""Rules of imports. Each module is imported by a process of its own, since this one has loaded them all."""

import subprocess
import sys

import pytest

#: Modules that judge and compute, without a database and without HTTP.
PURE = (
    "purger.model",
    "purger.progress",
    "purger.steps",
    "purger.lease",
    "purger.rebounds",
    "purger.flush_rebounds",
    "purger.discrepancy",
    "purger.instances",
    "purger.plan",
    "purger.pending_writes",
    "purger.probe_schedule",
    "purger.probe_verdict",
    "purger.receipts.judge",
    "purger.health",
)

#: The database driver, and the HTTP client.
OUTSIDE = ("mysql.connector", "requests")


def loaded_by(module: str) -> set[str]:
    """Return the modules that the import of ``module`` loads."""
    program = f"import sys, {module}; print(*sys.modules)"
    return set(subprocess.check_output([sys.executable, "-c", program], text=True).split())


@pytest.mark.parametrize("module", PURE)
def test_a_pure_module_loads_neither_the_driver_nor_an_http_client(module: str) -> None:
    assert loaded_by(module).isdisjoint(OUTSIDE)
