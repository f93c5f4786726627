"""Make the files of a release by ``./dev release``, and see what is in them; ``./dev try`` installs and runs them."""

import hashlib
import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from deploy import release
from tests.support.pages.markdown_pages import ROOT


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a release of this checkout's last commit, in a clone. Returns the directory with its files."""
    clone = tmp_path_factory.mktemp("release") / "clone"
    subprocess.run(["git", "clone", "--quiet", "--depth=1", ROOT.as_uri(), clone], check=True)
    return release.make(clone)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A directory with the two files that name the version."""
    (tmp_path / "CHANGELOG.md").write_text(
        "# Changelog\n\n## 1.1.0, unreleased\n\n- new\n\n## 1.0.0, 2026-01-02\n\n- first\n"
    )
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nversion = "1.1.0.dev0"\n[tool.ruff]\ntarget-version = "py311"\n'
    )
    return tmp_path


def test_every_file_has_its_checksum(made: Path) -> None:
    lines = [line.split("  ") for line in (made / "SHA256SUMS").read_text().splitlines()]
    sums = {name: digest for digest, name in lines}
    assert sums == {
        file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in made.iterdir() if file.name != "SHA256SUMS"
    }
    assert {name.rpartition("-")[2].rpartition(".")[2] for name in sums} == {"whl", "gz", "txt", "md"}


def test_the_wheel_has_programs_vcl_and_units(made: Path) -> None:
    (wheel,) = made.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    shared = {name.partition("/share/edge-takedown/")[2] for name in names if "/share/" in name}
    assert {"origin/cli/main.py", "purger/cli/main.py", "purger/varnish/default.vcl"} <= set(names)
    assert {
        path.removeprefix("deploy/") for path in tracked("deploy/systemd", "deploy/hitch", "deploy/grafana")
    } <= shared


def test_the_sdist_is_the_commit(made: Path) -> None:
    (sdist,) = made.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames() if archive.getmember(name).isfile()}
    assert names == {*tracked(), "PKG-INFO"}


def test_what_was_built_is_what_is_built_again(made: Path, tmp_path: Path) -> None:
    # Another directory, umask, time zone and order of sets; main compares two builds of its own, too.
    subprocess.run(["git", "clone", "--quiet", "--depth=1", ROOT.as_uri(), tmp_path / "again"], check=True)
    variables = {"TZ": "Asia/Tokyo", "PYTHONHASHSEED": "7", "LC_ALL": "C"}
    command = [sys.executable, "-m", "deploy.release"]
    subprocess.run(command, cwd=tmp_path / "again", env=os.environ | variables, check=True, umask=0o077)
    again = tmp_path / "again/dist" / made.name
    assert {file.name: file.read_bytes() for file in again.iterdir()} == {
        file.name: file.read_bytes() for file in made.iterdir()
    }


def test_a_version_is_written_with_its_date(root: Path) -> None:
    release.name_version(root, "1.1.0", "2026-03-04")
    assert "## 1.1.0, 2026-03-04\n\n- new" in (root / "CHANGELOG.md").read_text()
    assert (root / "pyproject.toml").read_text().splitlines()[1::2] == ['version = "1.1.0"', 'target-version = "py311"']
    assert release.changes_of((root / "CHANGELOG.md").read_text(), "1.1.0") == "- new\n"


def test_what_is_no_version_and_a_changelog_without_an_open_section_change_nothing(root: Path) -> None:
    with pytest.raises(release.ReleaseError, match="v2 is no version"):
        release.name_version(root, "v2", "2026-03-04")
    (root / "CHANGELOG.md").write_text("# Changelog\n")
    with pytest.raises(release.ReleaseError, match="unreleased"):
        release.name_version(root, "2.0.0", "2026-03-04")
    with pytest.raises(release.ReleaseError, match=r'no section "## 2\.0\.0, DATE"'):
        release.changes_of("# Changelog\n", "2.0.0")
    assert 'version = "1.1.0.dev0"' in (root / "pyproject.toml").read_text()


def test_two_builds_that_differ_are_no_release(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builds = iter([{"edge_takedown-1-py3-none-any.whl": b"one"}, {"edge_takedown-1-py3-none-any.whl": b"two"}])
    monkeypatch.setattr(release, "_build", lambda *_: next(builds))
    with pytest.raises(release.ReleaseError, match=r"differ: edge_takedown-1-py3-none-any\.whl"):
        release.make(root)
    assert not (root / "dist").exists()


def tracked(*paths: str) -> list[str]:
    """List the files of the last commit."""
    command = ["git", "-C", str(ROOT), "ls-tree", "-r", "--name-only", "HEAD", *paths]
    return subprocess.check_output(command, text=True).splitlines()
