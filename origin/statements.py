"""The SQL of this package, each statement in a file of its own."""

from functools import cache
from importlib.resources import files


@cache
def statement(name: str) -> str:
    """Read a statement, without its comments and line breaks: they would be sent with each request."""
    lines = files("origin").joinpath(name).read_text("utf-8").splitlines()
    return " ".join(line.strip() for line in lines if not line.startswith("--"))
