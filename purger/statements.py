"""Loads the named SQL statements beside this file: SQL stands in .sql files, and nowhere else."""

from functools import cache
from importlib import resources


@cache
def statement(name: str) -> str:
    """The text of ``sql/<name>.sql``."""
    return resources.files("purger").joinpath("sql", f"{name}.sql").read_text(encoding="ascii")
