"""Reads a site's own SQL expression, and writes its columns as those of NEW or OLD, as triggers need them."""

import re
from collections.abc import Collection, Iterator

#: The parts of an expression. Every character belongs to one, or the expression is refused.
_PART = re.compile(
    r"""
    (?P<space>\s+)
    |(?P<text>'(?:[^'\\]|''|\\.)*'|"(?:[^"\\]|""|\\.)*")
    |(?P<quoted>`(?:[^`]|``)+`)
    |(?P<number>(?:0x[0-9A-Fa-f]+|\d+(?:\.\d+)?(?:[eE][+-]?\d+)?|\.\d+)(?![\w$]))
    |(?P<word>[^\W\d][\w$]*)
    |(?P<sign><=>|<=|>=|<>|!=|->>?|\|\||&&|<<|>>|[-+*/%(),=<>!~^&|.])
    """,
    re.VERBOSE | re.DOTALL,
)

#: Words that would look beyond the row: a trigger sees one row, and its account no other table.
_REFUSED_WORDS = {"select", "new", "old", "into", "table", "values"}

#: Functions that wait, take locks, read files, or change the session of the site. A trigger runs in each of its writes.
_REFUSED_FUNCTIONS = {
    *("benchmark", "sleep", "get_lock", "is_free_lock", "is_used_lock", "release_lock", "release_all_locks"),
    *("load_file", "last_insert_id", "nextval", "setval", "master_pos_wait", "source_pos_wait", "master_gtid_wait"),
    *("wait_for_executed_gtid_set", "wait_until_sql_thread_after_gtids"),
}


class ExpressionError(ValueError):
    """The expression cannot be a part of a trigger. The text says why."""


def of_row(expression: str, columns: Collection[str], row: str) -> str:
    """Write each column in ``expression`` as a column of ``row``, NEW or OLD. Raises ``ExpressionError``."""
    if refused := {name.casefold() for _, name in called_functions(expression)} & _REFUSED_FUNCTIONS:
        raise ExpressionError(
            f"it calls {', '.join(sorted(refused)).upper()}: a trigger must not call what waits, takes locks, reads "
            "files or changes the session"
        )
    names = {column.casefold() for column in columns}
    parts = list(_parts(expression))
    written = []
    for place, (kind, text) in enumerate(parts):
        name = text[1:-1].replace("``", "`") if kind == "quoted" else text
        is_name = kind == "quoted" or (kind == "word" and not _is_called(parts, place))
        own = is_name and name.casefold() in names and not _is_part_of_name(parts, place)
        written.append(f"{row}.{quoted(name)}" if own else text)
    return "".join(written)


def called_functions(expression: str) -> set[tuple[str | None, str]]:
    """Name the functions that ``expression`` calls, each with its database where that is written."""
    parts = [part for part in _parts(expression) if part[0] != "space"]
    found: set[tuple[str | None, str]] = set()
    for place, (kind, text) in enumerate(parts):
        if kind in ("word", "quoted") and parts[place + 1 : place + 2] == [("sign", "(")]:
            database = parts[place - 2][1] if parts[place - 1 : place] == [("sign", ".")] else None
            found.add((database and database.strip("`"), text.strip("`")))
    return found


def quoted(name: str) -> str:
    """Quote a name for SQL, whatever it holds."""
    return "`" + name.replace("`", "``") + "`"


def text_literal(text: str) -> str:
    """Write a text for SQL in a session in which backslashes escape, as is the default."""
    return "'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def _parts(expression: str) -> Iterator[tuple[str, str]]:
    place, depth = 0, 0
    for sign in ("--", "/*"):
        if sign in re.sub(r"'(?:[^'\\]|''|\\.)*'|\"(?:[^\"\\]|\"\"|\\.)*\"|`[^`]*`", "", expression, flags=re.DOTALL):
            raise ExpressionError(f"it has {sign!r}, which begins a comment")
    while place < len(expression):
        part = _PART.match(expression, place)
        if part is None:
            raise ExpressionError(f"it cannot be read at {expression[place : place + 20]!r}")
        kind, text = str(part.lastgroup), part[0]
        if kind == "word" and text.lower() in _REFUSED_WORDS:
            raise ExpressionError(f"it has the word {text}: write an expression of the row's own columns")
        depth += {"(": 1, ")": -1}.get(text, 0)
        if depth < 0:
            break
        yield kind, text
        place = part.end()
    if depth:
        raise ExpressionError("its parentheses do not match")
    if not expression.strip():
        raise ExpressionError("it is empty")


def _is_called(parts: list[tuple[str, str]], place: int) -> bool:
    """Tell whether a word is a function's name, as in ``LEFT(code, 3)``."""
    return next((text for kind, text in parts[place + 1 :] if kind != "space"), "") == "("


def _is_part_of_name(parts: list[tuple[str, str]], place: int) -> bool:
    """Tell whether a word is beside a dot: a table, or a column that is written with its table."""
    return any(parts[other : other + 1] == [("sign", ".")] for other in (place - 1, place + 1) if other >= 0)
