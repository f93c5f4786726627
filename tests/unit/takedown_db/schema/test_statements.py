"""Check the SQL statements: each has one name, a purpose, and a use."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from takedown_db.statements import statement

_ROOT = Path(__file__).parents[4]
_SECTION = re.compile(r"^-- name: (?P<name>\w+)\n(?P<purpose>(?:--.*\n)*)", re.MULTILINE)

#: The functions and methods whose argument is the name of a statement, with the argument's place.
_CALLS = {"statement": 0, "_fetch": 1, "rows": 0, "run": 0, "fetch": 1, "fetch_sets": 1}


def _sections() -> list[re.Match[str]]:
    files = sorted((_ROOT / "takedown_db" / "sql").rglob("*.sql"))
    return [section for file in files for section in _SECTION.finditer(file.read_text(encoding="ascii"))]


def _texts(node: ast.AST) -> Iterator[str]:
    """Find the texts in an expression, as in ``"a" if b else "c"``."""
    return (each.value for each in ast.walk(node) if isinstance(each, ast.Constant) and isinstance(each.value, str))


def _sources() -> Iterator[ast.Module]:
    for package in ("origin", "purger", "takedown_db"):
        for file in (_ROOT / package).rglob("*.py"):
            yield ast.parse(file.read_text(encoding="utf-8"), str(file))


def _named_in_calls() -> set[str]:
    """Find the names that code gives to the functions that run a statement."""
    found: set[str] = set()
    for module in _sources():
        for node in ast.walk(module):
            if isinstance(node, ast.Call):
                name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
                place = _CALLS.get(name)
                if place is not None and len(node.args) > place:
                    found |= set(_texts(node.args[place]))
    return found


SECTIONS = _sections()
NAMES = [section["name"] for section in SECTIONS]


def test_each_file_has_statements_and_each_name_is_given_once() -> None:
    assert len(NAMES) > 50
    assert [name for name, count in Counter(NAMES).items() if count > 1] == []
    text = "".join(file.read_text(encoding="ascii") for file in (_ROOT / "takedown_db" / "sql").rglob("*.sql"))
    assert text.count("-- name:") == len(NAMES)


@pytest.mark.parametrize("section", SECTIONS, ids=NAMES)
def test_each_statement_says_what_it_does(section: re.Match[str]) -> None:
    """In a sentence that begins with a verb: Reads, Records, Deletes ..."""
    purpose = " ".join(line.removeprefix("--").strip() for line in section["purpose"].splitlines())
    assert re.match(r"[A-Z][a-z]+s,? [a-z%1]", purpose), purpose
    assert purpose.endswith("."), purpose
    assert statement(section["name"])


def test_each_statement_is_used() -> None:
    texts = {text for module in _sources() for text in _texts(module)}
    assert [name for name in NAMES if name not in texts] == []


def test_each_statement_that_code_names_exists() -> None:
    named = _named_in_calls()
    assert len(named) > 50
    assert named - set(NAMES) == set()


@pytest.mark.parametrize("section", SECTIONS, ids=NAMES)
def test_each_selected_expression_has_a_name(section: re.Match[str]) -> None:
    """Python reads columns by position: the SQL says what stands at each."""
    sql = statement(section["name"])
    if not sql.startswith("SELECT"):
        return
    for column in _columns(sql):
        assert re.fullmatch(r"[\w.]+|.* AS \w+", column), column


def _columns(sql: str) -> list[str]:
    """Split the list of the first SELECT at the commas that stand outside of parentheses."""
    words = re.sub(r"^SELECT (DISTINCT |STRAIGHT_JOIN )?", "", sql)
    depth, columns, current = 0, [], ""
    for number, char in enumerate(words):
        depth += (char == "(") - (char == ")")
        if depth == 0 and words.startswith((" FROM ", " UNION "), number):
            break
        if depth == 0 and char == ",":
            columns.append(current.strip())
            current = ""
        else:
            current += char
    return [*columns, current.strip()]
