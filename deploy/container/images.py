"""Builds the images of compose.yaml with buildah, on a bare Debian that debootstrap unpacks."""

import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

from deploy.container.progress import say

ROOT = Path(__file__).resolve().parent.parent.parent
CONTAINERFILE = ROOT / "deploy" / "container" / "Containerfile"
BASE = "localhost/edge-takedown-base"

#: buildah raises limits beyond what an ordinary root may; with these it does not.
LIMITS = ["--ulimit", "nofile=20000:20000", "--ulimit", "nproc=90000:90000"]


class Buildah:
    """The program buildah, without a daemon, with its images below one directory."""

    def __init__(self, storage: Path) -> None:
        self._options = ["--root", str(storage / "root"), "--runroot", str(storage / "run"), "--storage-driver", "vfs"]

    def command(self, *words: str | Path) -> list[str]:
        """Return a command line of buildah's."""
        return ["buildah", *self._options, *map(str, words)]

    def call(self, *words: str | Path) -> str:
        """Run a command of buildah's to its end, and return its output."""
        return subprocess.run(self.command(*words), check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def build(buildah: Buildah, services: dict[str, Any], tree: Path | None, storage: Path) -> None:
    """Make the base image from a bare Debian, and on it the image of each service."""
    storage.mkdir(parents=True, exist_ok=True)
    if tree is None:
        tree = storage / "debian"
        if not tree.exists():
            new = storage / "debian.new"
            shutil.rmtree(new, ignore_errors=True)
            say("unpacking a bare Debian")
            debootstrap = ["debootstrap", "--variant=minbase", "--include=ca-certificates", "trixie", str(new)]
            subprocess.run(["unshare", "--mount", *debootstrap], check=True, stdout=subprocess.DEVNULL)
            new.rename(tree)
    take_settings(tree)
    container = buildah.call("from", "scratch")
    buildah.call("copy", "--quiet", container, tree, "/")
    buildah.call("commit", "--quiet", "--rm", container, BASE)
    for service in {each["image"]: each for each in services.values()}.values():
        say(f"building {service['image']}")
        options = ["--isolation", "chroot", *LIMITS, "--layers=false", "--quiet", "--build-arg", f"BASE={BASE}"]
        target = ["--target", service["build"]["target"], "--tag", service["image"]]
        began = time.monotonic()
        buildah.call("build", *options, *target, "--file", CONTAINERFILE, ROOT)
        say(f"built {service['image']} in {time.monotonic() - began:.0f} s")


def take_settings(tree: Path) -> None:
    """Take along the machine's ways to registries: its own authorities, and the options of apt and pip."""
    own = Path("/usr/local/share/ca-certificates")
    if own.is_dir() and any(own.iterdir()):
        shutil.copytree(own, tree / own.relative_to("/"), dirs_exist_ok=True)
        subprocess.run(["chroot", tree, "update-ca-certificates"], check=True, stdout=subprocess.DEVNULL)
        (tree / "etc/pip.conf").write_text("[global]\ncert = /etc/ssl/certs/ca-certificates.crt\n")
    dump = subprocess.run(["apt-config", "dump", "--no-empty", "Acquire"], check=True, capture_output=True, text=True)
    kept = [line for line in dump.stdout.splitlines() if line.startswith(("Acquire::http", "Acquire::Check"))]
    (tree / "etc/apt/apt.conf.d/50machine").write_text("\n".join([*kept, ""]))
