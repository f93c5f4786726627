"""Run the servers of the stack as the current user."""

import os
import pwd

import pytest

from stack.processes.commands import user_name


def test_the_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(variable, "somebody-else")
    assert user_name() == pwd.getpwuid(os.geteuid()).pw_name
