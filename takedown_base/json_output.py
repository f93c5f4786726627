"""Prints reports as JSON: the keys are the fields of their dataclasses, and times are ISO 8601 in UTC."""

import json
from dataclasses import fields, is_dataclass
from datetime import datetime

import click


def print_json(report: object) -> None:
    """Print a report of dataclasses, lists and dictionaries as indented JSON on stdout."""
    click.echo(json.dumps(report, indent=2, default=_encodable))


def utc_text(moment: datetime | None) -> str | None:
    """Write a time of the database, which is in UTC, in ISO 8601 to the millisecond; None stays None."""
    return moment.isoformat(timespec="milliseconds") + "Z" if moment else None


def members(value: object, *names: str) -> dict[str, object]:
    """Return fields of a dataclass, or attributes by their names, as the members of a JSON object."""
    if not names and is_dataclass(value):
        names = tuple(field.name for field in fields(value))
    return {name: getattr(value, name) for name in names}


def _encodable(value: object) -> object:
    if isinstance(value, datetime):
        return utc_text(value)
    if is_dataclass(value) and not isinstance(value, type):
        return members(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
