"""Reads the settings of an object store, credentials among them, from a file: command lines are visible to everyone."""

import re
from pathlib import Path

from takedown_db.secret_files import read_secret

#: Settings that would undo a bound on the time of an answer.
_OURS = ("timeout", "connect_timeout", "read_timeout", "max_retries", "retry_timeout")


def read_settings(path: Path) -> dict[str, str]:
    """Read lines of ``name=value``, with names of obstore. Empty lines and those that begin with ``#`` do not count.

    Raises ``ValueError`` with the line's number, and never its value.
    """
    settings: dict[str, str] = {}
    for number, line in enumerate(read_secret(path).splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        name, equals, value = (part.strip() for part in line.partition("="))
        name = name.lower()
        if not equals or not re.fullmatch(r"[a-z][a-z0-9_]{0,63}", name):
            raise ValueError(f"{path}, line {number}: not name=value, as in region=eu-central-1")
        if name in _OURS:
            raise ValueError(f"{path}, line {number}: {name} cannot be set, since answers have to come in time")
        settings[name] = value
    return settings
