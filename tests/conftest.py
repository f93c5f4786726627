"""Set up what all tests share."""

import atexit
import ctypes
import os
import shutil
import subprocess
import tempfile
from collections import OrderedDict
from pathlib import Path

import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]

from stack.databases.program import TEMPLATES, WITHOUT_TLS
from stack.edges.varnish import COMPILER
from stack.processes.commands import FORK_COMMANDS

# A late rebound of one test's purge would remove what the next test has just cached.
os.environ.setdefault("PURGER_LATER_REBOUND_DELAY", "86400")
os.environ.setdefault("PURGER_LAST_REBOUND_DELAY", "86400")

# Several purgers and their databases run side by side: at the usual interval each pair takes a tenth of a core.
os.environ.setdefault("PURGER_POLL_INTERVAL", "0.05")


def _loads_what_tcc_makes() -> bool:
    """Tell whether a library that tcc has made can be loaded: glibc 2.41 refuses those without a mark for the stack."""
    if not shutil.which("tcc"):
        return False
    with tempfile.TemporaryDirectory() as directory:
        source, library = Path(directory, "empty.c"), Path(directory, "empty.so")
        source.write_text("int empty;")
        made = subprocess.run(["tcc", "-shared", "-o", library, source], capture_output=True, check=False)
        try:
            return made.returncode == 0 and bool(ctypes.CDLL(str(library)))
        except OSError:
            return False


# Each edge compiles its VCL. By tcc, without optimisation, that takes a twentieth of the time.
if COMPILER not in os.environ:
    fast = "tcc" if _loads_what_tcc_makes() else "cc -O0 -pthread -fpic"
    os.environ[COMPILER] = f"exec {fast} -w -shared -o %o %s"

# None of them has a network, but for those of the tests of TLS.
os.environ.setdefault(WITHOUT_TLS, "1")

# Each database begins as a copy of one. The process that distributes the tests makes the directory, and removes it.
if TEMPLATES not in os.environ:
    os.environ[TEMPLATES] = tempfile.mkdtemp(prefix="templates-")
    atexit.register(shutil.rmtree, os.environ[TEMPLATES], ignore_errors=True)

# Our own commands take most of their time to import what they need.
os.environ.setdefault(FORK_COMMANDS, "1")

# A slow machine is no failure: bench/ measures speed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

#: Files whose tests share no servers: any process may run any of them.
_NOTHING_SHARED = ("tests/chaos/test_chaos.py", "tests/vcl/test_vcl.py")

#: Files with the longest tests begin first, those with the shortest last: at the end no process waits for another.
_LONGEST = (
    "tests/integration/project/",
    "tests/chaos/",
    "tests/browser/",
    "tests/integration/delivery/",
    "tests/integration/faults/",
    "tests/integration/watching/",
)
_SHORTEST = ("tests/unit/", "tests/vcl/")


class _ByFile(LoadScopeScheduling):  # type: ignore[misc]
    """A scheduler that gives a whole file to one process, so that its servers start once."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        return nodeid if file in _NOTHING_SHARED else file

    def _assign_work_unit(self, node: object) -> None:
        units = sorted(self.workqueue.items(), key=lambda unit: _turn(unit[0]))
        self.workqueue: OrderedDict[str, dict[str, bool]] = OrderedDict(units)
        super()._assign_work_unit(node)


def _turn(scope: str) -> int:
    """Return when a file's turn is: the longest first."""
    if scope.startswith(_SHORTEST):
        return len(_LONGEST) + 1
    return next((turn for turn, place in enumerate(_LONGEST) if scope.startswith(place)), len(_LONGEST))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> LoadScopeScheduling | None:
    """Distribute tests by file, for ``--dist loadscope``."""
    return _ByFile(config, log) if config.getoption("dist") == "loadscope" else None
