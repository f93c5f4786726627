"""Find and run the project's own commands, as installed beside the running Python."""

import shutil
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence


def command(name: str) -> str:
    """Return the path of a command such as ``origin``. Raises ``FileNotFoundError`` when it is not installed."""
    path = shutil.which(name, path=sysconfig.get_path("scripts"))
    if path is None:
        raise FileNotFoundError(f"{name} is not installed in this environment; './dev setup' does it")
    return path


def run_apart(
    command_line: Sequence[str], environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in a session of its own: Ctrl-C reaches its caller alone, which decides when to stop."""
    return subprocess.run(
        command_line, env=environment, capture_output=True, text=True, check=False, start_new_session=True
    )
