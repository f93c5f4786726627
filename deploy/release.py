"""Make the files of a release from the last commit: wheel, sdist, requirements, changes and checksums.

A stranger has to be able to make the same bytes. So nothing but the commit goes into them: its tree, its time for all
files, and the locked setuptools that builds the wheel. Each run builds twice, in directories of different names, and
compares the results; a difference is an error.
"""

import argparse
import gzip
import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import zipfile
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

#: PEP 440 without epochs and local versions, which no release here needs.
VERSION = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?(\.dev\d+)?")
_UNRELEASED = re.compile(r"^## (\S+), unreleased$", re.MULTILINE)


class ReleaseError(Exception):
    """Why there is no release, in words for who makes it."""


def main() -> None:
    """Make ``dist/VERSION``, or write a version into the files that name it. Exit codes: 0, 1 (failed), 2 (usage)."""
    parser = argparse.ArgumentParser(prog="./dev release", description=__doc__.partition("\n")[0])
    parser.add_argument(
        "--name",
        metavar="VERSION",
        help="only write this version into pyproject.toml and CHANGELOG.md, to be committed",
    )
    arguments = parser.parse_args()
    try:
        if arguments.name:
            name_version(ROOT, arguments.name, datetime.now(UTC).date().isoformat())
        else:
            print(make(ROOT))
    except (ReleaseError, OSError) as error:
        sys.exit(f"dev: {error}")


def name_version(root: Path, version: str, date: str) -> None:
    """Write a version into pyproject.toml, and with its date (ISO 8601) into the head of the changelog's open section.

    Raises ``ReleaseError`` for what is no version, and where no section of the changelog is open; nothing is written
    then.
    """
    if not VERSION.fullmatch(version):
        raise ReleaseError(f"{version} is no version such as 1.0.0 or 1.1.0rc1")
    changelog, project = root / "CHANGELOG.md", root / "pyproject.toml"
    changes, sections = _UNRELEASED.subn(f"## {version}, {date}", changelog.read_text(), count=1)
    if not sections:
        raise ReleaseError('CHANGELOG.md has no section "## VERSION, unreleased": write what users notice into one')
    settings = re.sub(r'^version = ".*"$', f'version = "{version}"', project.read_text(), count=1, flags=re.MULTILINE)
    changelog.write_text(changes)
    project.write_text(settings)


def make(root: Path) -> Path:
    """Build the last commit twice, compare, and write ``dist/VERSION`` (replaced if it is there). Returns its path.

    Raises ``ReleaseError`` if the two builds differ, if the build fails, or if the changelog lacks the version.
    """
    with tempfile.TemporaryDirectory(prefix="release-") as name:
        work = Path(name)
        first, second = (_build(root, work / label) for label in ("a", "another/place"))
        if differing := [file for file in sorted(first) if first[file] != second[file]]:
            raise ReleaseError(f"two builds of one commit differ: {', '.join(differing)}")
    version = next(file for file in first if file.endswith(".whl")).split("-")[1]
    target = root / "dist" / version
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    first["SHA256SUMS"] = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {file}\n" for file, content in sorted(first.items())
    ).encode()
    for file, content in first.items():
        (target / file).write_bytes(content)
    return target


def changes_of(changelog: str, version: str) -> str:
    """Return the section of a version, without its heading. Raises ``ReleaseError`` if there is none.

    A version that is being developed (``1.1.0.dev0``) has the section of the version that it leads to.
    """
    heading = re.escape(version.partition(".dev")[0])
    section = re.search(rf"^## {heading}, .*\n((?:(?!## ).*\n?)*)", changelog, re.MULTILINE)
    if section is None:
        raise ReleaseError(f'CHANGELOG.md has no section "## {version}, DATE"')
    return section[1].strip() + "\n"


def _build(root: Path, directory: Path) -> dict[str, bytes]:
    """Build the last commit in a directory. Returns the files by name."""
    directory.mkdir(parents=True)
    seconds = int(_git(root, "log", "-1", "--format=%ct").decode())
    tree = _git(root, "archive", "--format=tar", "HEAD")
    with tarfile.open(fileobj=io.BytesIO(tree)) as archive:
        archive.extractall(directory / "tree", filter="data")
    wheel = _build_wheel(directory, seconds)
    version = tomllib.loads((directory / "tree" / "pyproject.toml").read_text())["project"]["version"]
    return {
        wheel.name: wheel.read_bytes(),
        f"edge_takedown-{version}.tar.gz": _sdist(tree, f"edge_takedown-{version}", _metadata(wheel), seconds),
        "requirements.txt": (directory / "tree/deploy/container/requirements.txt").read_bytes(),
        "CHANGES.md": changes_of((directory / "tree/CHANGELOG.md").read_text(), version).encode(),
    }


def _git(root: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", "-C", root, *arguments], check=True, stdout=subprocess.PIPE).stdout


def _build_wheel(directory: Path, seconds: int) -> Path:
    build = "import setuptools.build_meta as b; b.build_wheel('../wheel')"
    (directory / "wheel").mkdir()
    done = subprocess.run(
        [sys.executable, "-c", build],
        cwd=directory / "tree",
        env=os.environ | {"SOURCE_DATE_EPOCH": str(seconds), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        umask=0o022,  # the wheel records the modes of its files
        check=False,
    )
    if done.returncode:
        raise ReleaseError(f"setuptools could not build the wheel:\n{done.stdout}{done.stderr}")
    (wheel,) = (directory / "wheel").glob("*.whl")
    return wheel


def _metadata(wheel: Path) -> bytes:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return archive.read(name)


def _sdist(tree: bytes, name: str, metadata: bytes, seconds: int) -> bytes:
    """Make the sdist: the commit's tree in a directory, with PKG-INFO beside it, as pip expects one."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", filename="", mtime=seconds) as compressed,
        tarfile.open(fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT) as target,
        tarfile.open(fileobj=io.BytesIO(tree)) as source,
    ):
        for member in source:
            content = source.extractfile(member) if member.isfile() else None
            member.name, member.mtime, member.pax_headers = f"{name}/{member.name}", seconds, {}
            target.addfile(member, content)
        information = tarfile.TarInfo(f"{name}/PKG-INFO")
        information.size, information.mtime, information.mode = len(metadata), seconds, 0o644
        target.addfile(information, io.BytesIO(metadata))
    return packed.getvalue()


if __name__ == "__main__":
    main()
