"""Check the lock of Python packages: it has everything that pyproject.toml asks for, each with its hashes."""

import re
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[3]

LOCK = (ROOT / "stack" / "requirements.txt").read_text()


def wanted() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    texts = [*project["dependencies"], *(text for extra in project["optional-dependencies"].values() for text in extra)]
    return [each for each in map(Requirement, texts) if each.name != project["name"]]


def versions() -> dict[str, set[str]]:
    """Return the locked versions of each package: several, where they depend on Python's."""
    found: dict[str, set[str]] = {}
    for name, version in re.findall(r"^([\w.-]+)==(\S+)", LOCK, re.MULTILINE):
        found.setdefault(canonicalize_name(name), set()).add(version)
    return found


def test_the_lock_holds_all_that_the_project_asks_for() -> None:
    locked = versions()
    stale = [
        str(each)
        for each in wanted()
        if not (found := locked.get(canonicalize_name(each.name))) or not all(map(each.specifier.contains, found))
    ]
    assert stale == [], "run ./dev lock"


def test_each_package_has_hashes_and_none_names_a_registry() -> None:
    packages = re.split(r"^(?=\w)", LOCK, flags=re.MULTILINE)[1:]
    assert len(packages) > 20
    assert [package for package in packages if "--hash=sha256:" not in package] == []
    assert "://" not in LOCK
    assert not re.search(r"^\s*--(?!hash=)", LOCK, re.MULTILINE), "an option, such as an index"
