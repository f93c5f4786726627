"""Checks the rule of a hook against the server and the site's table, and plans its statements."""

from collections.abc import Iterator
from dataclasses import dataclass

import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_base.printable import printable
from takedown_base.subject_keys import CODE_ALPHABET
from takedown_db.connection.error_numbers import NO_RIGHT, ErrorNumber
from takedown_db.connection.errors import explain
from takedown_db.connection.lasting_connection import fetch
from takedown_db.hooks.expression import ExpressionError, called_functions, of_row, quoted
from takedown_db.hooks.triggers import Rule, Trigger, fill, record_statements, triggers_of, words_of
from takedown_db.statements import statement


class HookError(Exception):
    """The hook cannot be applied or removed, and nothing was changed unless the text says so."""


@dataclass(frozen=True, slots=True)
class HookPlan:
    """A checked hook: its statements, in the order in which they run."""

    rule: Rule
    before: list[str]  # mode and grants
    triggers: list[Trigger]
    record: list[str]
    bans: str  # bans the rows that are taken down already
    remarks: list[str]


def find_table(cursor: MySQLCursorAbstract, name: str) -> tuple[str, str]:
    """Find the database and the name of a site's table, ``pictures`` or ``site.pictures``. Raises ``HookError``."""
    schema, _, table = name.rpartition(".")
    ((own,),) = fetch(cursor, "hook_database")
    named = [
        (str(in_schema), str(each), str(kind), str(engine))
        for in_schema, each, kind, engine in fetch(cursor, "hook_tables", table=table)
        if each == table and schema in ("", in_schema)
    ]
    found = [each for each in named if each[0] != own]
    if schema == own or (named and not found):
        raise HookError(
            f"{printable(name)} is in the database of Edge Takedown itself, {printable(own)}: a hook is for a table "
            f"of the site's own, in another database"
        )
    if not found:
        _require_sight(cursor, schema or own, table)
        raise HookError(f"there is no table {printable(name)}; write DATABASE.TABLE, as in site.pictures")
    if len(found) > 1:
        names = ", ".join(f"{in_schema}.{each}" for in_schema, each, *_ in found)
        raise HookError(f"there are several tables {printable(table)}: write one of {printable(names)}")
    ((in_schema, each, kind, engine),) = found
    if kind != "BASE TABLE":
        raise HookError(f"{printable(name)} is not a table: no trigger can be created on it")
    if engine != "InnoDB":
        raise HookError(f"{printable(name)} is of the engine {engine}: a ban could not commit together with its row")
    return in_schema, each


def _require_sight(cursor: MySQLCursorAbstract, schema: str, table: str) -> None:
    """Raise ``HookError`` if the account may not see a table that it did not find: nobody then knows what is there."""
    try:
        cursor.execute(statement("hook_sight").replace("{table}", f"{quoted(schema)}.{quoted(table)}"))
        cursor.fetchall()
    except mysql.connector.Error as error:
        if error.errno in NO_RIGHT:
            raise HookError(
                f"the account may not see {printable(schema)}.{printable(table)}, if there is such a table: "
                f"{printable(explain(error))}"
            ) from None


def plan_hook(cursor: MySQLCursorAbstract, rule: Rule, *, granting: bool = False) -> HookPlan:
    """Check a rule against the server and the table's rows, and write its statements. Raises ``HookError``.

    With ``granting`` it first grants what the rule calls, without which a function that runs as the account of the
    triggers cannot be tried.
    """
    ((database,),) = fetch(cursor, "hook_database")
    columns = [str(name) for (name,) in fetch(cursor, "hook_columns", in_schema=rule.schema, table=rule.table)]
    for flag, expression in (
        ("--when", rule.when),
        ("the subject", rule.subject),
        ("--purge-when", rule.content or "NULL"),
    ):
        try:
            of_row(expression, columns, "NEW")
        except ExpressionError as error:
            raise HookError(f"{flag}: {error}") from error
    words = words_of(rule, columns, str(database))
    functions = list(_function_grants(cursor, rule))
    for text in functions if granting else ():
        run(cursor, text, "the account of the triggers gets no rights")
    for name in ("hook_mode", "hook_try", "hook_try_in_trigger"):
        run(cursor, fill(name, words), "the server refuses --when, --purge-when or the subject")
    _check_subjects(cursor, words)
    triggers = triggers_of(rule, words)
    return HookPlan(
        rule,
        [statement("hook_mode"), fill("hook_grant", words), *functions],
        triggers,
        record_statements(triggers, words),
        fill("hook_bans", words),
        list(_remarks(cursor, rule)),
    )


def _check_subjects(cursor: MySQLCursorAbstract, words: dict[str, str]) -> None:
    cursor.execute(fill("hook_wrong_subjects", words))
    if wrong := [printable(text) for (text,) in map(tuple, cursor.fetchall())]:
        raise HookError(
            f"the table has subjects that are not {CODE_ALPHABET}: {', '.join(map(repr, wrong))}. The site's own "
            "statements on such rows would fail. Write an expression that gives the code of the import, or NULL for "
            "rows without an image"
        )


def _function_grants(cursor: MySQLCursorAbstract, rule: Rule) -> Iterator[str]:
    """Write a grant for each stored function that the rule calls."""
    called = {
        ((schema or rule.schema).casefold(), name.casefold())
        for schema, name in called_functions(f"({rule.subject}), ({rule.when}), ({rule.content or 'NULL'})")
    }
    for schema, name in fetch(cursor, "hook_functions"):
        if (str(schema).casefold(), str(name).casefold()) in called:
            yield fill("hook_grant_function", {"function": f"{quoted(str(schema))}.{quoted(str(name))}"})


def _remarks(cursor: MySQLCursorAbstract, rule: Rule) -> Iterator[str]:
    for name, other, on_update, on_delete in fetch(cursor, "hook_cascades", in_schema=rule.schema, table=rule.table):
        yield (
            f"the foreign key {printable(name)} lets {printable(other)} change or delete rows (ON UPDATE {on_update}, "
            f"ON DELETE {on_delete}): no trigger sees that, so delete them by a statement"
        )


def run(cursor: MySQLCursorAbstract, text: str, failed: str) -> None:
    """Run a statement and drop its rows. Raises ``HookError``, which begins with ``failed``."""
    try:
        cursor.execute(text)
        cursor.fetchall()
    except mysql.connector.Error as error:
        if error.errno == ErrorNumber.ER_BINLOG_CREATE_ROUTINE_NEED_SUPER:
            failed += ": the server keeps a binary log, so SET GLOBAL log_bin_trust_function_creators = 1 meanwhile"
        elif error.errno == ErrorNumber.ER_PROCACCESS_DENIED_ERROR:
            failed += " as long as this right is missing, which --apply grants first"
        # Without the usual advice, which takes the statement for one of the schema's own.
        raise HookError(f"{failed}: {printable(' '.join(str(error).split()))}") from error
