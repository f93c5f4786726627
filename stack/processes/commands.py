"""Find and run the project's own commands, as installed beside the running Python; and name the user they run as."""

import os
import pwd
import shutil
import subprocess
import sysconfig
from collections.abc import Mapping, Sequence

from stack.processes.forked import can_fork, run_forked

#: The variable that, if it is set, has `run_apart` run our own commands by a fork (`forked.py`).
FORK_COMMANDS = "STACK_FORK_COMMANDS"


def command(name: str) -> str:
    """Return the path of a command such as ``origin``. Raises ``FileNotFoundError`` when it is not installed."""
    path = shutil.which(name, path=sysconfig.get_path("scripts"))
    if path is None:
        raise FileNotFoundError(f"{name} is not installed in this environment; './dev setup' does it")
    return path


def run_apart(
    command_line: Sequence[str], environment: Mapping[str, str] | None = None, text: str | None = None
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end in a session of its own, with ``text`` on its standard input.

    Ctrl-C reaches only its caller, which decides when to stop.
    """
    if os.environ.get(FORK_COMMANDS) and can_fork(command_line, environment):
        return run_forked(command_line, environment, text)
    return subprocess.run(
        command_line,
        env=environment,
        input=text or "",
        capture_output=True,
        text=True,
        check=False,
        start_new_session=True,
    )


def user_name() -> str:
    """Return the name of this process's user. LOGNAME and USER may name another one: ``su`` keeps them."""
    return pwd.getpwuid(os.geteuid()).pw_name
