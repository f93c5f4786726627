"""Renders the console's HTML files. Each value is escaped, control characters too, unless a template says otherwise."""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from html import escape
from importlib import resources
from typing import Any
from urllib.parse import quote

import bottle

from purger.text_format import counted, duration, end_of_trust
from takedown_base.name_codes import name_of_code
from takedown_base.printable import printable
from takedown_base.scope import Scope

_FILES = resources.files("purger.console")

#: The types of the static files, by suffix.
_TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


class Template(bottle.SimpleTemplate):  # type: ignore[misc]
    """A template whose values are made printable and escaped, in the files that it includes as well."""

    def prepare(self, **options: Any) -> None:
        """Set the escaping, which Bottle does not hand on to included files."""
        super().prepare(**options | {"escape_func": lambda text: escape(printable(text))})


class StaticFile:
    """A file for browsers, with the URL that changes with its content."""

    def __init__(self, name: str) -> None:
        self.content = (_FILES / "static" / name).read_bytes()
        self.content_type = _TYPES[name.rpartition(".")[2]]
        self.url = f"/static/{hashlib.sha256(self.content).hexdigest()[:12]}/{name}"


@cache
def static_files() -> Mapping[str, StaticFile]:
    """Return all static files by name."""
    return {file.name: StaticFile(file.name) for file in (_FILES / "static").iterdir()}


def render(name: str, /, **values: Any) -> str:
    """Render ``NAME.html`` with ``values``."""
    text: str = _template(name).render(values)
    return text


@cache
def _template(name: str) -> Template:
    return Template(name=f"{name}.html", lookup=[str(_FILES / "templates")], encoding="utf8")


def utc(at: datetime | None) -> str:
    """Write a time in UTC to the second, without its date where that is today's."""
    if at is None:
        return "never"
    form = "%H:%M:%S" if at.date() == datetime.now(UTC).date() else "%Y-%m-%d %H:%M:%S"
    return f"{at:{form}}"


def path_of(scope: str, subject: str) -> str:
    """Return the path of a subject's page."""
    return f"/{quote(scope, safe='')}/{quote(subject, safe='')}"


def named(scope: str, subject: str) -> str:
    """Return a subject as people know it: the name that a code was computed from, or the subject itself."""
    name = name_of_code(subject) if scope == Scope.IMAGE else None
    return subject if name is None else name


def short(text: str, most: int = 20) -> str:
    """Shorten a text such as a digest in its middle."""
    return text if len(text) <= most else f"{text[: most - 7]}…{text[-6:]}"


Template.defaults = {
    "counted": counted,
    "duration": duration,
    "end_of_trust": end_of_trust,
    "named": named,
    "path_of": path_of,
    "quote": quote,
    "short": short,
    "static": lambda name: static_files()[name].url,
    "utc": utc,
}
