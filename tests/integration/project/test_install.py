"""Install the programs by ``./dev install``, and write the VCL out with them."""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from stack.edges.varnish import compiler_parameters, varnish_program
from tests.support.pages.markdown_pages import ROOT

#: The packages that are installed.
PACKAGES = {"origin", "purger", "takedown_base", "takedown_db", "takedown_log"}
VCL = {file.relative_to(ROOT / "varnish").as_posix() for file in (ROOT / "varnish").rglob("*") if file.is_file()}


@dataclass(frozen=True)
class Installed:
    """The directory that ``./dev install`` has filled."""

    prefix: Path

    def purger(self, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
        """Run its command ``purger`` outside of the checkout."""
        command = [self.prefix / "bin" / "purger", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=self.prefix, check=False)


def install(prefix: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run ``./dev install``."""
    command: list[str | Path] = [ROOT / "dev", "install", prefix]
    return subprocess.run(command, capture_output=True, text=True, env=os.environ | variables, check=False)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Install once. Without a registry there is nothing to see."""
    prefix = tmp_path_factory.mktemp("installed") / "edge-takedown"
    done = install(prefix, PIP_COMPILE="0")
    if re.search("Failed to establish|Temporary failure|unreachable|ProxyError", done.stderr):
        pytest.skip("pip reaches no registry")
    assert done.returncode == 0, done.stderr
    return Installed(prefix)


@pytest.mark.parametrize("arguments", [[], ["opt/relative"], ["/opt/two", "/opt/directories"]])
def test_it_installs_into_one_directory_with_an_absolute_path(arguments: list[str]) -> None:
    result = subprocess.run([ROOT / "dev", "install", *arguments], capture_output=True, text=True, check=False)
    assert result.returncode == 2
    assert result.stderr.startswith("usage: ./dev install PREFIX")


def test_it_leaves_a_directory_alone_that_holds_something(tmp_path: Path) -> None:
    (tmp_path / "mine").touch()
    result = install(tmp_path)
    assert (result.returncode, [file.name for file in tmp_path.iterdir()]) == (1, ["mine"])
    assert f"{tmp_path} is not empty" in result.stderr


def test_an_installation_that_fails_leaves_nothing(tmp_path: Path) -> None:
    # The next step after the virtual environment fails: it has no pip, which takes five seconds to be put there.
    python = tmp_path / "python3"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@" --without-pip\n')
    python.chmod(0o755)
    result = install(tmp_path / "prefix", PATH=f"{tmp_path}:{os.environ['PATH']}")
    assert result.returncode != 0
    assert "prefix/bin/pip" in result.stderr
    assert not (tmp_path / "prefix").exists()


def test_it_has_all_that_serves_and_nothing_for_development(installed: Installed) -> None:
    (record,) = installed.prefix.glob("lib/python*/site-packages/edge_takedown-*.dist-info/RECORD")
    files = {line.partition(",")[0] for line in record.read_text().splitlines()}
    parts = {name for name in files if not re.search(r"\.dist-info/|__pycache__|^\.\./", name)}
    wanted = {
        file.relative_to(ROOT).as_posix()
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }
    assert parts == wanted | {f"purger/varnish/{name}" for name in VCL}


def test_it_has_the_libraries_of_every_command(installed: Installed) -> None:
    libraries = "import PIL, obstore, prometheus_client, origin.cli.main"
    subprocess.run([installed.prefix / "bin/python", "-P", "-c", libraries], cwd=installed.prefix, check=True)


def test_it_writes_the_vcl_that_varnish_compiles(installed: Installed, tmp_path: Path) -> None:
    edge = tmp_path / "edge"
    result = installed.purger("vcl", edge)
    assert (result.returncode, result.stderr) == (0, "")
    assert str(edge / "default.vcl") in result.stdout
    written = {file.relative_to(edge).as_posix() for file in edge.rglob("*") if file.is_file()}
    assert written == VCL
    quick = [word for name, value in compiler_parameters().items() for word in ("-p", f"{name}={value}")]
    compiling: list[str | Path] = [varnish_program("varnishd"), "-C", "-j", "none", *quick, "-f", edge / "default.vcl"]
    subprocess.run(compiling, capture_output=True, check=True)


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
