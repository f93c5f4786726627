"""Build the images of compose.yaml and run its services without a container engine, then take an image down.

As root, with buildah, netavark and debootstrap: .venv/bin/python -m deploy.container.check. It takes minutes and
some gigabytes.

Shown: the images build; the commands, environments, secrets, volumes, users, dependencies and health checks of the
compose file lead to a stack that takes an image down, and each service ends within its grace period. All services share
one network namespace, in which every name is 127.0.0.1. Not shown: networks between containers, published ports,
`read_only`, `cap_drop`, restarts, and the compose engine itself.
"""

import argparse
import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from deploy.container.images import ROOT, Buildah, build
from deploy.container.progress import say, wait_until
from deploy.container.services import Stack

COMPOSE = ROOT / "deploy" / "compose.yaml"


def main() -> None:
    """Build, then run in a network of its own."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tree", type=Path, help="a bare Debian to build on, as debootstrap unpacks it")
    parser.add_argument("--storage", type=Path, default=Path("/var/tmp/edge-takedown-containers"))
    parser.add_argument("--no-build", action="store_true", help="run the images of an earlier build")
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if os.geteuid() != 0 or not shutil.which("buildah"):
        sys.exit("check: this needs root, and Debian's packages buildah, netavark and debootstrap")
    buildah = Buildah(arguments.storage)
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    if arguments.inside:
        run(buildah, services, arguments.storage)
        return
    if not arguments.no_build:
        build(buildah, services, arguments.tree, arguments.storage)
    # All that it starts ends with it, and nothing else of the machine can be reached.
    isolated = ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]
    again = [sys.executable, "-m", "deploy.container.check", *sys.argv[1:], "--inside"]
    sys.exit(subprocess.run([*isolated, *again], check=False).returncode)


def run(buildah: Buildah, services: dict[str, Any], storage: Path) -> None:
    """Start every service in the order of its dependencies, take an image down, and stop them."""
    loopback_up()
    place = storage / "stack"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    subprocess.run([ROOT / "deploy/container/secrets", place / "secrets"], check=True)
    (place / "hosts").write_text("127.0.0.1 localhost " + " ".join(services) + "\n")
    stack = Stack(buildah, services, place)
    try:
        for name in services:
            stack.start(name)
        take_down(stack)
        for name in reversed(services):
            stack.stop(name)
    finally:
        stack.end()
    say("OK: the stack of compose.yaml took an image down")


def loopback_up() -> None:
    """Switch the loopback of a new network namespace on."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as anything:
        request = struct.pack("16sh14x", b"lo", 1 | 64)  # IFF_UP, IFF_RUNNING
        fcntl.ioctl(anything, 0x8914, request)  # SIOCSIFFLAGS


def take_down(stack: Stack) -> None:
    """Import an image, see it cached, ban it, and see it gone."""
    picture = "import sys; from PIL import Image; Image.new('RGB', (640, 480), 'teal').save('/images/in/first.png')"
    stack.call("origin", ["mkdir", "-p", "/images/in"])
    stack.call("origin", ["/opt/edge-takedown/bin/python", "-c", picture])
    stack.call("origin", ["origin", "import", "/images/in", "--owner", "anna"])
    wait_until(lambda: answer()[0] == 200, "the image at the edge", stack.logs)
    wait_until(lambda: "; hit" in answer()[1], "a hit", stack.logs)
    say("the edge answers 200, from its cache")
    wait_until(lambda: stack.call("purger", ["purger", "status"], check=False)[0] == 0, "status OK", stack.logs)
    say(stack.call("purger", ["purger", "status"])[1])
    say(stack.call("purger", ["purger", "ban", "first", "--reason", "check", "--wait", "10"])[1])
    if (status := answer()[0]) != 410:
        sys.exit(f"check: the banned image is {status}\n{stack.logs()}")
    say("the edge answers 410")
    wait_until(lambda: stack.call("purger", ["purger", "receipts", "first"], check=False)[0] == 0, "the proof")
    say(stack.call("purger", ["purger", "receipts", "first"])[1])
    stack.call("purger", ["purger", "lift", "first"])
    wait_until(lambda: answer()[0] == 200, "the image again", stack.logs)
    say("the edge answers 200 again, once the ban is lifted")


def answer() -> tuple[int, str]:
    """Request the image from the edge: the status, and Cache-Status."""
    try:
        with urllib.request.urlopen("http://127.0.0.1:8080/images/first", timeout=5) as response:
            return response.status, response.headers.get("Cache-Status", "")
    except urllib.error.HTTPError as error:
        return error.code, error.headers.get("Cache-Status", "")
    except OSError:
        return 0, ""


if __name__ == "__main__":
    main()
