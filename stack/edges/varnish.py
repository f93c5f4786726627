"""Run varnishd with any VCL: the one of an edge, or the built-in one for comparison."""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from stack.processes.server import ManagedServer

#: The variable with varnishd's parameter ``cc_command``. Tests save most of the compiler's time by it.
COMPILER = "STACK_CC_COMMAND"

PARAMETERS_FILE = Path(__file__).resolve().parents[2] / "varnish" / "parameters.cli"


def compiler_parameters() -> dict[str, str]:
    """Return the parameter ``cc_command`` that the environment asks for, by its name; none without one."""
    command = os.environ.get(COMPILER)
    return {"cc_command": command} if command else {}


def read_parameters() -> dict[str, str]:
    """Read ``varnish/parameters.cli``, which sites start varnishd with. Returns the values by name."""
    return dict(re.findall(r"^param\.set (\w+) (\S+)$", PARAMETERS_FILE.read_text(), re.MULTILINE))


def varnish_program(name: str) -> str:
    """Return a program of Varnish, such as ``varnishd``, by its name on this machine: Vinyl Cache has renamed them."""
    renamed = name.replace("varnish", "vinyl")
    return renamed if shutil.which(renamed) else name


class Varnish(ManagedServer):
    """A ``varnishd`` (``vinyld``) on loopback."""

    def __init__(
        self,
        name: str,
        directory: Path,
        listeners: Mapping[str, int],
        source: Sequence[str | Path],
        storage: str = "64M",
        proxied: Collection[str] = (),
        parameters: Mapping[str, str | float] | None = None,
    ) -> None:
        """Take the port of each listener by name, and where the VCL comes from.

        ``source`` is ``-f FILE``, or ``-b BACKEND`` for the built-in VCL. ``proxied`` names the listeners that take
        PROXY, before which another program ends TLS.
        ``parameters`` of varnishd replace those in ``varnish/parameters.cli``, or are added to them.
        """
        self._workdir = directory / "varnishd"

        def address(label: str, port: int) -> str:
            return f"{label}=127.0.0.1:{port}{',PROXY' if label in proxied else ''}"

        # Varnish starts more threads by default, and one machine runs several edges here. A SIGTERM that arrives while
        # the manager awaits the answer to a ping counts as no answer: it kills its child, and exits as after a failure.
        settings = {
            "thread_pool_min": 50,
            "ping_interval": 0,
            **read_parameters(),
            **compiler_parameters(),
            **(parameters or {}),
        }
        addresses = [part for label, port in listeners.items() for part in ("-a", address(label, port))]
        super().__init__(
            name,
            directory,
            [
                *(varnish_program("varnishd"), "-F", "-j", "none", "-n", self._workdir, "-T", "127.0.0.1:0"),
                *(*source, *addresses),
                *("-s", f"default,{storage}", "-s", "Transient=default,32M"),
                *(part for name, value in settings.items() for part in ("-p", f"{name}={value}")),
            ],
            ports=list(listeners.values()),
        )

    def counters(self) -> dict[str, int]:
        """Read the counters of varnishstat, such as ``MAIN.cache_hit``."""
        out = self._tool("varnishstat", "-1", "-j")
        return {name: int(entry["value"]) for name, entry in json.loads(out)["counters"].items()}

    def parameters(self) -> dict[str, Any]:
        """Read the parameters of the running varnishd by name, in seconds, bytes or threads."""
        shown = json.loads(self._tool("varnishadm", "-t", "60", "param.show", "-j"))
        return {entry["name"]: entry["value"] for entry in shown if isinstance(entry, dict) and "value" in entry}

    def set_parameter(self, name: str, value: str | float) -> None:
        """Set a parameter of the running varnishd."""
        self._tool("varnishadm", "-t", "60", "param.set", name, str(value))

    def load(self, label: str, vcl: Path) -> None:
        """Load a VCL under the name ``label`` and use it."""
        self._tool("varnishadm", "-t", "60", "vcl.load", label, str(vcl))
        self._tool("varnishadm", "-t", "60", "vcl.use", label)

    def varnishlog(self, *arguments: str) -> str:
        """Run ``varnishlog`` with these arguments on all that varnishd has logged since its start."""
        return self._tool("varnishlog", "-d", *arguments)

    def _tool(self, program: str, *arguments: str) -> str:
        command = [varnish_program(program), "-n", str(self._workdir), *arguments]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout
