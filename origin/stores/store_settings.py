"""Reads the settings of an object store, credentials among them, from a file: command lines are visible to everyone."""

import re
from pathlib import Path

from takedown_base.secret_files import read_secret

#: Settings that would undo a bound on the time of an answer.
_OURS = ("timeout", "connect_timeout", "read_timeout", "max_retries", "retry_timeout")

#: Match settings that would read, and erase, elsewhere than the URL says; and those with an address.
_is_place = re.compile(r"(?:\w+_)?(?:bucket|container)(?:_name)?").fullmatch
_is_endpoint = re.compile(r"(?:\w+_)?endpoint(?:_url(?:_s3)?)?").fullmatch

_ENDPOINT = re.compile(
    r"https?://(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?(?:/[A-Za-z0-9._~/-]*)?"
).fullmatch


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
        if _is_place(name):
            raise ValueError(
                f"{path}, line {number}: {name} cannot be set, since the URL of the store names the bucket"
            )
        if _is_endpoint(name):
            require_endpoint(f"{path}, line {number}: {name}", value)
        settings[name] = value
    return settings


def require_endpoint(name: str, value: str) -> None:
    """Raise ``ValueError`` for an address that obstore would panic at, or whose password it would put into errors."""
    if not _ENDPOINT(value):
        raise ValueError(f"{name} has to be http(s)://HOST[:PORT][/PATH], without user and password")
