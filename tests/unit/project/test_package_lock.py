"""Check the lock of Python packages: it has everything that pyproject.toml asks for, each with its hashes."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]

#: The lock of everything but benchmarks, and theirs.
LOCK = (ROOT / "stack" / "requirements.txt").read_text()
OF_BENCHMARKS = (ROOT / "bench" / "requirements.txt").read_text()
LOCKS = pytest.mark.parametrize("lock", [LOCK, OF_BENCHMARKS], ids=["stack", "bench"])


def wanted(lock: str) -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    of_benchmarks = extras.pop("bench")
    chosen = [of_benchmarks] if lock == OF_BENCHMARKS else extras.values()
    texts = [*project["dependencies"], *(text for extra in chosen for text in extra)]
    return [each for each in map(Requirement, texts) if each.name != project["name"]]


def versions(lock: str) -> dict[str, set[str]]:
    """Return the locked versions of each package: several, where they depend on Python's."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", lock, re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


@LOCKS
def test_a_lock_holds_all_that_the_project_asks_for(lock: str) -> None:
    locked = versions(lock)
    stale = [
        str(each)
        for each in wanted(lock)
        if not (found := locked.get(canonicalize_name(each.name))) or not all(map(each.specifier.contains, found))
    ]
    assert stale == [], "run ./dev lock"


def test_both_locks_have_the_same_versions_of_what_both_have() -> None:
    """Otherwise ./dev bench would change what the tests run with."""
    rest, of_benchmarks = versions(LOCK), versions(OF_BENCHMARKS)
    assert {name for name, found in of_benchmarks.items() if name in rest and found != rest[name]} == set()


@LOCKS
def test_each_package_has_hashes_and_none_names_a_registry(lock: str) -> None:
    packages = re.split(r"^(?=\w)", lock, flags=re.MULTILINE)[1:]
    assert len(packages) > 20
    assert [package for package in packages if "--hash=sha256:" not in package] == []
    assert "://" not in lock
    assert not re.search(r"^\s*--(?!hash=)", lock, re.MULTILINE), "an option, such as an index"
