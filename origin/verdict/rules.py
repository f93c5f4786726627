"""Reads a site's file of rules (TOML), and tells by them which image a URL shows. Its servers: ``sites.py``.

Expressions are those of RE2, whose time grows only with the URL's length: visitors choose the URLs.
"""

import re
import string
import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from origin.verdict.url import ReadUrl, UnreadableUrlError, read_parameters
from takedown_base.name_codes import code_of_name
from takedown_base.printable import printable

#: Bytes of the largest file of rules.
_LARGEST_FILE = 1 << 20

#: Each key of a rule, with its type in Python and in words.
_KEYS: dict[str, tuple[type, str]] = {
    "host": (str, "a text"),
    "match": (str, "a text"),
    "name": (str, "a text"),
    "parameters": (list, "a list of texts"),
    "query": (str, "a text"),
}

#: Finds the values that a query takes.
_PLACE = re.compile(r"%\((\w+)\)s")

#: Runs a query of a rule with values, and returns its row by the names of the columns; None: it found none. The errors
#: are the database's.
Ask = Callable[[str, Mapping[str, str]], Mapping[str, str] | None]


Read = TypeVar("Read")

_PRESETS = Path(__file__).with_name("presets")

#: Applications with a file of rules of their own.
PRESETS = tuple(sorted(file.stem for file in _PRESETS.glob("*.toml")))

#: Replaces ``;`` and all behind it in each segment of a path.
_PATH_PARAMETERS = re.compile(";[^/]*").sub


class UnusableRulesError(ValueError):
    """A file of rules cannot be used. The message names the file, the rule by its number, and what to change."""


class NoRowError(UnreadableUrlError):
    """The query of a rule finds no row for a URL yet: nobody knows which image the URL shows."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: URLs whose path its expression finds show the image with the name that its groups and parameters make.

    With a query, the columns of its row make the name, too.
    """

    number: int  # from 1, as in the file
    host: str | None  # in lower case; None: every host
    expression: Any  # of re2, which has no types
    name: str  # a template with groups and parameters in braces
    parameters: tuple[str, ...]
    query: str | None = None  # with %(group)s and %(parameter)s

    def name_of(self, url: ReadUrl, ask: Ask | None) -> str | None:
        """Return the name of the image that a URL shows; None where the rule does not match.

        Raises ``UnreadableUrlError`` where it matches and leaves in doubt which image that is.
        """
        if self.host is not None and self.host != url.host:
            return None
        found = self.expression.search(url.path)
        if found is None:
            return None
        values = {group: text or "" for group, text in found.groupdict().items()}
        if self.parameters:
            values |= read_parameters(url.query, self.parameters)
        if self.query is not None:
            values |= self._row(self.query, values, ask)
        try:
            name = self.name.format_map(values)
        except KeyError as error:
            raise UnreadableUrlError(f"the query of rule {self.number} has no column {error}") from None
        if not name:
            raise UnreadableUrlError(f"rule {self.number} matches it and makes an empty name")
        return name

    def _row(self, query: str, values: Mapping[str, str], ask: Ask | None) -> Mapping[str, str]:
        if ask is None:
            raise UnreadableUrlError(f"rule {self.number} has a query, and no database is known")
        row = ask(query, {place: values[place] for place in _PLACE.findall(query)})
        if row is None:
            raise NoRowError(f"the query of rule {self.number} finds no row, or several, or NULL")
        return row


@dataclass(frozen=True, slots=True)
class ShownImage:
    """The image that a URL shows: the number of the rule that says so, the image's name and its code."""

    rule: int
    name: str
    code: str


def find_image(rules: Sequence[Rule], url: ReadUrl, ask: Ask | None = None) -> ShownImage | None:
    """Return the image that a URL shows by the first rule that matches; None: no rule does. ``ask`` runs queries.

    Raises ``UnreadableUrlError``, too, where a server that drops ``;...`` of segments (Java's) may show another one.
    """
    image = _first(rules, url, ask)
    if ";" in url.path and _first(rules, url._replace(path=_PATH_PARAMETERS("", url.path)), ask) not in (None, image):
        raise UnreadableUrlError("its path has a ;, behind which some servers read parameters")
    return image


def _first(rules: Sequence[Rule], url: ReadUrl, ask: Ask | None) -> ShownImage | None:
    for rule in rules:
        name = rule.name_of(url, ask)
        if name is not None:
            return ShownImage(rule.number, name, code_of_name(name))
    return None


def preset_path(name: str) -> Path:
    """Return the file of rules for an application, one of ``PRESETS``."""
    return _PRESETS / f"{name}.toml"


def read_rules(path: Path) -> tuple[Rule, ...]:
    """Read the rules of a file. Raises ``UnusableRulesError``."""
    return tuple(read_each(path, "rule", _read_rule))


def read_each(path: Path, kind: str, read: Callable[[int, dict[str, Any]], Read]) -> list[Read]:
    """Read each table ``[[kind]]`` of a file by ``read``, which gets its number, from 1, and raises ``ValueError``.

    Raises ``UnusableRulesError``.
    """
    found = []
    for number, table in enumerate(_read_tables(path).get(kind, []), start=1):
        try:
            if not isinstance(table, dict):
                raise ValueError(f"it is no table: write [[{kind}]] above its keys")
            found.append(read(number, table))
        except ValueError as error:
            raise UnusableRulesError(f"{printable(path)}: {kind} {number}: {printable(error)}") from None
    return found


def require_keys(table: dict[str, Any], keys: dict[str, tuple[type, str]], kind: str) -> None:
    """Raise ``ValueError`` where a table has another key than ``keys``, or a value of another type."""
    for key, value in table.items():
        if key not in keys:
            raise ValueError(f"it has the key {key}, and a {kind} has {', '.join(keys)}")
        type_, words = keys[key]
        if not isinstance(value, type_) or (
            isinstance(value, list) and not all(isinstance(each, str) and each for each in value)
        ):
            raise ValueError(f"{key} is not {words}")


def _read_tables(path: Path) -> dict[str, list[object]]:
    """Read the tables of a file, by their kind: ``rule``, at least one, and ``site``."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST_FILE + 1)
        if len(data) > _LARGEST_FILE:
            raise UnusableRulesError(f"{printable(path)}: it has more than {_LARGEST_FILE} bytes")
        parsed = tomllib.loads(data.decode())
    except OSError as error:
        raise UnusableRulesError(f"{printable(path)}: {error.strerror or error}") from None
    except ValueError as error:  # of TOML, and of UTF-8
        raise UnusableRulesError(f"{printable(path)}: it is no TOML: {printable(error)}") from None
    if set(parsed) - {"site"} != {"rule"} or not all(isinstance(each, list) and each for each in parsed.values()):
        raise UnusableRulesError(
            f"{printable(path)}: it has to hold tables [[rule]], at least one, and tables [[site]], and nothing else"
        )
    return parsed


def _read_rule(number: int, table: dict[str, Any]) -> Rule:
    """Read one table. Raises ``ValueError`` with what is wrong in it."""
    require_keys(table, _KEYS, "rule")
    if "match" not in table:
        raise ValueError("it has no key match, the expression that finds its paths")
    expression = _compile(table["match"])
    parameters = tuple(table.get("parameters", ()))
    name = table.get("name", "{name}")
    query = table.get("query")
    known = {*expression.groupindex, *parameters}
    if query is None:
        _require_template(name, known)
    else:
        _require_query(query, known)
    if both := set(expression.groupindex) & set(parameters):
        raise ValueError(f"{both.pop()} is both a group of match and a parameter: rename the group")
    return Rule(number, normal_host(table.get("host")), expression, name, parameters, query)


def normal_host(host: str | None) -> str | None:
    """Return a host of a file as hosts of URLs are compared; None: the table is for every host."""
    return None if host is None else host.lower().removesuffix(".")


def _compile(pattern: str) -> Any:
    import re2  # here, so that no process loads it that has no rules

    if not pattern.startswith("^/"):
        raise ValueError("match has to begin with ^/, as every path does")
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(pattern, options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error)
        raise ValueError(f"match is no expression of RE2: {reason}") from None


def _require_query(query: str, known: set[str]) -> None:
    """Raise ``ValueError`` unless a query is one SELECT with values of the URL."""
    places = set(_PLACE.findall(query))
    if not re.match(r"(?i)\s*SELECT\s", query) or ";" in query or "%" in _PLACE.sub("", query):
        raise ValueError("query is not one SELECT, without ; and %, but for values such as %(name)s")
    if not places or places - known:
        names = ", ".join(f"%({each})s" for each in sorted(known))
        raise ValueError(f"query has to take values of groups of match or parameters ({names or 'there are none'})")


def _require_template(name: str, known: set[str]) -> None:
    """Raise ``ValueError`` unless each pair of braces in ``name`` names a group or parameter, and one does."""
    try:
        parts = [part for part in string.Formatter().parse(name) if part[1] is not None]
    except ValueError:  # braces without their other half
        parts = []
    if not parts or any(field not in known or form or conversion for _, field, form, conversion in parts):
        raise ValueError(
            f"name is {name!r}: it has to hold, in braces, groups of match or parameters"
            f" ({', '.join(sorted(known)) or 'match has none: write (?P<name>...) in it'})"
        )
