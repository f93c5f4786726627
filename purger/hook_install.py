"""Installs the triggers of a hook on a site's table, checks them before, and removes them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract

from purger.hook import (
    RecordedTrigger,
    Rule,
    Trigger,
    fill,
    is_of_hook,
    record_statements,
    same_body,
    triggers_of,
    words_of,
)
from purger.hook_expression import ExpressionError, called_functions, of_row, quoted
from takedown_db.error_numbers import ErrorNumber
from takedown_db.lasting_connection import fetch
from takedown_db.printable import printable
from takedown_db.scope import Scope
from takedown_db.statements import statement
from takedown_db.subject_keys import CODE_ALPHABET


class HookError(Exception):
    """The hook cannot be applied or removed, and nothing was changed unless the text says so."""


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked hook: its statements, in the order in which they run."""

    rule: Rule
    before: list[str]  # mode and grants
    triggers: list[Trigger]
    record: list[str]
    bans: str  # bans the rows that are taken down already
    remarks: list[str]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of an application."""

    made: list[str]  # names of the triggers
    dropped: list[str]
    banned: int  # rows that were taken down already


def find_table(cursor: MySQLCursorAbstract, name: str) -> tuple[str, str]:
    """Find the database and the name of a site's table, ``pictures`` or ``site.pictures``. Raises ``HookError``."""
    schema, _, table = name.rpartition(".")
    ((own,),) = fetch(cursor, "hook_database")
    found = [
        (str(in_schema), str(each), str(kind), str(engine))
        for in_schema, each, kind, engine in fetch(cursor, "hook_tables", table=table)
        if each == table and (in_schema == schema if schema else in_schema != own)
    ]
    if not found:
        raise HookError(f"there is no table {printable(name)}; write DATABASE.TABLE, as in site.pictures")
    if len(found) > 1:
        names = ", ".join(f"{in_schema}.{each}" for in_schema, each, *_ in found)
        raise HookError(f"there are several tables {printable(table)}: write one of {printable(names)}")
    ((in_schema, each, kind, engine),) = found
    if kind != "BASE TABLE":
        raise HookError(f"{printable(name)} is no table but a {kind.lower()}: no trigger can stand on it")
    if engine != "InnoDB":
        raise HookError(f"{printable(name)} is of the engine {engine}: a ban could not commit together with its row")
    return in_schema, each


def plan_hook(cursor: MySQLCursorAbstract, rule: Rule) -> Plan:
    """Check a rule against the server and the table's rows, and write its statements. Raises ``HookError``."""
    ((database,),) = fetch(cursor, "hook_database")
    columns = [str(name) for (name,) in fetch(cursor, "hook_columns", in_schema=rule.schema, table=rule.table)]
    for flag, expression in (("--when", rule.when), ("the subject", rule.subject)):
        try:
            of_row(expression, columns, "NEW")
        except ExpressionError as error:
            raise HookError(f"{flag}: {error}") from error
    words = words_of(rule, columns, str(database))
    for name in ("hook_mode", "hook_try", "hook_try_in_trigger"):
        _run(cursor, fill(name, words), "the server refuses --when or the subject")
    _check_subjects(cursor, words)
    triggers = triggers_of(rule, columns, str(database))
    return Plan(
        rule,
        [statement("hook_mode"), fill("hook_grant", words), *_function_grants(cursor, rule)],
        triggers,
        record_statements(rule, triggers, str(database)),
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
        for schema, name in called_functions(rule.subject) | called_functions(rule.when)
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


def apply_hook(cursor: MySQLCursorAbstract, plan: Plan) -> Outcome:
    """Create the triggers, record them, drop those of an earlier definition, and ban the rows that are taken down.

    The new triggers stand before the earlier ones go. When one of them cannot be created, those of this call are
    dropped again. Raises ``HookError``.
    """
    rule = plan.rule
    with _lock(cursor):
        present = _present(cursor, rule.schema)
        kept = _kept(cursor, plan, present)
        for text in plan.before:
            _run(cursor, text, "the account of the triggers gets no rights")
        made = _create(cursor, plan, {name for name in present if name not in kept}, kept)
        earlier = _recorded_rule(cursor, rule.name)
        _record(cursor, plan)
        old = set(_present(cursor, rule.schema)) - {trigger.name for trigger in plan.triggers}
        places = {(rule.schema, name) for name in old}
        if earlier and earlier.schema != rule.schema:
            places |= {(earlier.schema, name) for name in _present(cursor, earlier.schema)}
        dropped = sorted(place for place in places if is_of_hook(place[1], rule.name))
        for schema, name in dropped:
            _drop(cursor, schema, name)
        if earlier and earlier.place != rule.place:
            _revoke(cursor, earlier)
        cursor.execute(plan.bans)
        return Outcome(made, [name for _, name in dropped], cursor.rowcount)


def _kept(cursor: MySQLCursorAbstract, plan: Plan, present: dict[str, tuple[str, str]]) -> set[str]:
    """Name the triggers of a plan that stand as they were recorded."""
    recorded = {each.name: each for each in recorded_triggers(cursor) if each.hook == plan.rule.name}
    return {
        trigger.name
        for trigger in plan.triggers
        if trigger.name in recorded
        and (found := present.get(trigger.name)) is not None
        and found[0] == plan.rule.table
        and same_body(found[1], recorded[trigger.name].body)
    }


def _create(cursor: MySQLCursorAbstract, plan: Plan, strange: set[str], kept: set[str]) -> list[str]:
    """Create the triggers that do not stand. Those among ``strange`` have the right name and another body or table."""
    made: list[str] = []
    try:
        for trigger in plan.triggers:
            if trigger.name in kept:
                continue
            if trigger.name in strange:
                _drop(cursor, plan.rule.schema, trigger.name)
            _run(cursor, trigger.sql, f"the trigger {trigger.name} cannot be created")
            made.append(trigger.name)
    except HookError as error:
        if left := _drop_all(cursor, plan.rule.schema, made):
            raise HookError(f"{error}; these triggers could not be dropped again: {', '.join(left)}") from error
        raise
    return made


def _drop_all(cursor: MySQLCursorAbstract, schema: str, names: Iterable[str]) -> list[str]:
    """Drop triggers, and return the names of those that could not be dropped."""
    left = []
    for name in names:
        try:
            _drop(cursor, schema, name)
        except mysql.connector.Error:
            left.append(name)
    return left


def _record(cursor: MySQLCursorAbstract, plan: Plan) -> None:
    for text in ("START TRANSACTION", *plan.record, "COMMIT"):
        _run(cursor, text, "the triggers stand, but are not recorded; run this again")


def remove_hook(cursor: MySQLCursorAbstract, name: str) -> list[str]:
    """Drop the triggers of a hook and its record; its bans stay. Returns the names of the triggers."""
    with _lock(cursor):
        rule = recorded_rule(cursor, name)
        dropped = [each for each in _present(cursor, rule.schema) if is_of_hook(each, name)]
        for each in dropped:
            _drop(cursor, rule.schema, each)
        ((database,),) = fetch(cursor, "hook_database")
        words = {"database": quoted(str(database)), "name": f"'{name}'"}
        for text in ("START TRANSACTION", fill("hook_forget_triggers", words), fill("hook_forget", words), "COMMIT"):
            _run(cursor, text, "the triggers are dropped, but their record is not; run this again")
        _revoke(cursor, rule)
        return dropped


def recorded_rules(cursor: MySQLCursorAbstract) -> list[Rule]:
    """Read the rules of all hooks."""
    return [
        Rule(
            name=str(name),
            schema=str(schema),
            table=str(table),
            scope=Scope(scope),
            subject=str(subject),
            when=str(when),
            reason=str(reason),
            bans_deleted=bool(deleted),
            lifts_inserted=bool(inserted),
        )
        for name, schema, table, scope, subject, when, reason, deleted, inserted, _ in fetch(cursor, "hook_list")
    ]


def recorded_triggers(cursor: MySQLCursorAbstract) -> list[RecordedTrigger]:
    """Read the triggers of all hooks as they were recorded."""
    return [RecordedTrigger(*map(str, row)) for row in fetch(cursor, "hook_triggers")]


def recorded_rule(cursor: MySQLCursorAbstract, name: str) -> Rule:
    """Read the rule of a hook. Raises ``HookError`` where there is none."""
    if rule := _recorded_rule(cursor, name):
        return rule
    known = ", ".join(each.name for each in recorded_rules(cursor)) or "none"
    raise HookError(f"there is no hook {printable(name)}; those that were applied: {known}")


def _recorded_rule(cursor: MySQLCursorAbstract, name: str) -> Rule | None:
    return next((rule for rule in recorded_rules(cursor) if rule.name == name), None)


def _present(cursor: MySQLCursorAbstract, schema: str) -> dict[str, tuple[str, str]]:
    """Read the triggers of hooks that stand in a database: table and body by name."""
    return {str(name): (str(table), str(body)) for name, table, body in fetch(cursor, "hook_present", in_schema=schema)}


def _drop(cursor: MySQLCursorAbstract, schema: str, name: str) -> None:
    cursor.execute(fill("hook_drop_trigger", {"trigger": f"{quoted(schema)}.{quoted(name)}"}))


def _revoke(cursor: MySQLCursorAbstract, rule: Rule) -> None:
    """Take the account of the triggers its rights on a table, unless another hook needs them."""
    if all(other.place != rule.place for other in recorded_rules(cursor)):
        with suppress(mysql.connector.Error):  # the table is gone, and its grants with it
            cursor.execute(fill("hook_revoke", {"table": rule.quoted_table}))


@contextmanager
def _lock(cursor: MySQLCursorAbstract) -> Iterator[None]:
    """Exclude other calls, and migrations. The lock ends with the connection at the latest."""
    ((locked,),) = fetch(cursor, "migrate_lock")
    if not locked:
        raise HookError("a `purger migrate` or another `purger hook` is at work: run this again when it has ended")
    try:
        yield
    finally:
        with suppress(mysql.connector.Error):
            fetch(cursor, "hook_unlock")


def _run(cursor: MySQLCursorAbstract, text: str, failed: str) -> None:
    try:
        cursor.execute(text)
        cursor.fetchall()
    except mysql.connector.Error as error:
        if error.errno == ErrorNumber.ER_BINLOG_CREATE_ROUTINE_NEED_SUPER:
            failed += ": the server keeps a binary log, so SET GLOBAL log_bin_trust_function_creators = 1 meanwhile"
        # Without the usual advice, which takes the statement for one of the schema's own.
        raise HookError(f"{failed}: {printable(' '.join(str(error).split()))}") from error
