"""Build the wheel, install it apart from the checkout, and write the VCL out with it."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import pytest

from stack.varnish import varnish_program
from tests.support.pages.markdown_pages import ROOT

PACKAGES = {"origin", "purger", "takedown_db", "takedown_log"}
VCL = {file.relative_to(ROOT / "varnish").as_posix() for file in (ROOT / "varnish").rglob("*") if file.is_file()}


@dataclass(frozen=True)
class Installed:
    """An installed wheel: the names of its files, and the directory that it is installed in."""

    files: set[str]
    target: Path

    def purger(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run its command ``purger`` outside of the checkout."""
        command = [sys.executable, self.target / "bin" / "purger", *arguments]
        env = os.environ | {"PYTHONPATH": str(self.target), "PYTHONSAFEPATH": "1"}
        return subprocess.run(command, capture_output=True, text=True, env=env, cwd=self.target)


def pip(*arguments: str | Path) -> None:
    """Run pip without the network."""
    quiet = ("--quiet", "--disable-pip-version-check", "--no-deps", "--no-index")
    subprocess.run([sys.executable, "-m", "pip", arguments[0], *quiet, *arguments[1:]], check=True)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Build and install the wheel from a copy of the checkout, since a build leaves files beside the sources."""
    base = tmp_path_factory.mktemp("wheel")
    for name in (*PACKAGES, "varnish", "stack", "tests"):
        shutil.copytree(ROOT / name, base / "source" / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, base / "source" / name)
    pip("wheel", "--no-build-isolation", "--wheel-dir", base, base / "source")
    (wheel,) = base.glob("*.whl")
    pip("install", "--target", base / "installed", wheel)
    with ZipFile(wheel) as archive:
        return Installed(set(archive.namelist()), base / "installed")


def test_the_wheel_has_all_that_serves_and_nothing_for_development(installed: Installed) -> None:
    parts = {name for name in installed.files if ".dist-info/" not in name}
    wanted = {
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert parts == wanted | {f"purger/varnish/{name}" for name in VCL}


def test_it_writes_the_vcl_that_varnish_compiles(installed: Installed, tmp_path: Path) -> None:
    edge = tmp_path / "edge"
    result = installed.purger("vcl", edge)
    assert (result.returncode, result.stderr) == (0, "")
    assert str(edge / "default.vcl") in result.stdout
    written = {file.relative_to(edge).as_posix() for file in edge.rglob("*") if file.is_file()}
    assert written == VCL
    subprocess.run(
        [varnish_program("varnishd"), "-C", "-j", "none", "-f", edge / "default.vcl"], capture_output=True, check=True
    )


@pytest.mark.parametrize("name", ["default.vcl", "parameters.cli"])
def test_it_overwrites_what_a_site_has_edited_only_when_told_to(
    installed: Installed, tmp_path: Path, name: str
) -> None:
    assert installed.purger("vcl", tmp_path).returncode == 0
    kept = (tmp_path / name).read_text()
    (tmp_path / name).write_text(f"{kept}# ours\n")
    (tmp_path / "takedown" / "key.vcl").unlink()

    refused = installed.purger("vcl", tmp_path)
    assert (refused.returncode, refused.stdout) == (1, "")
    assert f"nothing was written: {name} in {tmp_path} differs" in refused.stderr
    assert (tmp_path / name).read_text() == f"{kept}# ours\n"
    assert not (tmp_path / "takedown" / "key.vcl").exists()

    assert installed.purger("vcl", "--force", tmp_path).returncode == 0
    assert (tmp_path / name).read_text() == kept


def test_it_mends_the_files_that_no_site_edits(installed: Installed, tmp_path: Path) -> None:
    assert installed.purger("vcl", tmp_path).returncode == 0
    (tmp_path / "takedown" / "key.vcl").write_text("# of an earlier version\n")
    assert installed.purger("vcl", tmp_path).returncode == 0
    assert (tmp_path / "takedown" / "key.vcl").read_bytes() == (ROOT / "varnish/takedown/key.vcl").read_bytes()


def test_others_may_read_what_it_writes_under_any_umask(installed: Installed, tmp_path: Path) -> None:
    former = os.umask(0o077)
    try:
        assert installed.purger("vcl", tmp_path / "edge").returncode == 0
    finally:
        os.umask(former)
    modes = {file.stat().st_mode & 0o777 for file in (tmp_path / "edge").rglob("*") if file.is_file()}
    assert modes == {0o644}
    assert {(tmp_path / part).stat().st_mode & 0o777 for part in ("edge", "edge/takedown")} == {0o755}


def test_a_file_in_the_way_is_named(installed: Installed, tmp_path: Path) -> None:
    (tmp_path / "takedown").write_text("")
    result = installed.purger("vcl", tmp_path)
    assert result.returncode == 1
    assert result.stderr == f"Error: {tmp_path / 'takedown'}: File exists\n"
