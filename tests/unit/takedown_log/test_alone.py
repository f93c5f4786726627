"""Verify a proof with nothing but the package takedown_log, the library of signatures, and Python."""

import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.support.log.logged_takedown import Takedown
from tests.support.pages.markdown_pages import ROOT

#: The library of signatures, and the modules that it consists of.
LIBRARY = ("cryptography", "cffi", "_cffi_backend")


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a directory that has the package and the library, for a Python without site-packages."""
    directory = tmp_path_factory.mktemp("machine")
    shutil.copytree(ROOT / "takedown_log", directory / "takedown_log", ignore=shutil.ignore_patterns("__pycache__"))
    for name in LIBRARY:
        spec = find_spec(name)
        assert spec is not None
        origin = Path(spec.origin or "")
        source = origin.parent if spec.submodule_search_locations else origin
        (directory / source.name).symlink_to(source)
    return directory


def run(machine: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "PURGER"))}
    command = [sys.executable, "-S", "-m", "takedown_log", *arguments]
    return subprocess.run(command, cwd=machine, env=environment, capture_output=True, text=True, check=False)


def test_a_proof_is_verified_by_the_package_alone(machine: Path) -> None:
    takedown = Takedown()
    takedown.ban(takedown.edges("edge1"))
    takedown.acknowledged("edge1")
    (machine / "early.proof").write_text(takedown.file())
    takedown.seen("edge1", "yes")
    (machine / "whole.proof").write_text(takedown.file())
    (machine / "held").write_text(takedown.log.checkpoint())
    key = ("--key", str(takedown.log.signer.verifier()))
    done = run(machine, "whole.proof", *key, "--page", "whole.html", "--checkpoint", "held")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("VALID: 5 of the 5 leaves")
    assert "Your checkpoint of 5 leaves is that of this log." in done.stdout
    assert "nothing is missing" in (machine / "whole.html").read_text()
    assert run(machine, "early.proof", *key).returncode == 3
    (machine / "changed.proof").write_text(takedown.file().replace("court order 7", "court order 8"))
    changed = run(machine, "changed.proof", *key)
    assert changed.returncode == 1
    assert changed.stderr.startswith("NOT VALID: ")
    assert run(machine, "absent.proof", *key).returncode == 2
    (machine / "no.proof").write_bytes(b"\xff")
    assert run(machine, "no.proof", *key).returncode == 1


def test_the_documents_tell_how_many_lines_there_are_to_trust() -> None:
    lines = sum(len(file.read_text().splitlines()) for file in (ROOT / "takedown_log").glob("*.py"))
    said = re.search(r"`takedown_log`, some ([\d,]+) lines", (ROOT / "docs/guide/proof.md").read_text())
    assert said is not None
    assert abs(lines - int(said[1].replace(",", ""))) < 100
