"""Installs the triggers of a planned hook on a site's table, records them, and removes them."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import fetch
from takedown_db.hooks.expression import quoted
from takedown_db.hooks.plan import HookError, HookPlan, run
from takedown_db.hooks.triggers import RecordedTrigger, Rule, fill, is_of_hook, same_body


@dataclass(frozen=True, slots=True)
class HookOutcome:
    """The result of an application."""

    made: list[str]  # names of the triggers
    dropped: list[str]
    banned: int  # rows that were taken down already


def apply_hook(cursor: MySQLCursorAbstract, plan: HookPlan) -> HookOutcome:
    """Create the triggers, record them, drop those of an earlier definition, and ban the rows that are taken down.

    The new triggers exist before the earlier ones go. If one of them cannot be created, those of this call are
    dropped again. Raises ``HookError``.
    """
    rule = plan.rule
    with _lock(cursor):
        present = _present(cursor, rule.schema)
        kept = _kept(cursor, plan, present)
        for text in plan.before:
            run(cursor, text, "the account of the triggers gets no rights")
        # MySQL creates a trigger with a condition that tests no row, and then refuses each write of the site.
        run(cursor, f"EXPLAIN {plan.bans}", "the rule does not fit the table")
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
        return HookOutcome(made, [name for _, name in dropped], cursor.rowcount)


def _kept(cursor: MySQLCursorAbstract, plan: HookPlan, present: dict[str, tuple[str, str]]) -> set[str]:
    """Name the triggers of a plan that exist as they were recorded."""
    recorded = {each.name: each for each in recorded_triggers(cursor) if each.hook == plan.rule.name}
    return {
        trigger.name
        for trigger in plan.triggers
        if trigger.name in recorded
        and (found := present.get(trigger.name)) is not None
        and found[0] == plan.rule.table
        and same_body(found[1], recorded[trigger.name].body)
    }


def _create(cursor: MySQLCursorAbstract, plan: HookPlan, strange: set[str], kept: set[str]) -> list[str]:
    """Create the triggers that do not exist. Those among ``strange`` have the right name and another body or table."""
    made: list[str] = []
    try:
        for trigger in plan.triggers:
            if trigger.name in kept:
                continue
            if trigger.name in strange:
                _drop(cursor, plan.rule.schema, trigger.name)
            run(cursor, trigger.sql, f"the trigger {trigger.name} cannot be created")
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


def _record(cursor: MySQLCursorAbstract, plan: HookPlan) -> None:
    for text in ("START TRANSACTION", *plan.record, "COMMIT"):
        run(cursor, text, "the triggers exist, but are not recorded; run this again")


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
            run(cursor, text, "the triggers are dropped, but their record is not; run this again")
        _revoke(cursor, rule)
        return dropped


def recorded_rules(cursor: MySQLCursorAbstract) -> list[Rule]:
    """Read the rules of all hooks."""
    return [
        Rule(name, schema, table, Scope(scope), subject, when, reason, content, *map(bool, flags))
        for name, schema, table, scope, subject, when, reason, content, *flags in fetch(cursor, "hook_list")
    ]


def recorded_triggers(cursor: MySQLCursorAbstract) -> list[RecordedTrigger]:
    """Read the triggers of all hooks as they were recorded."""
    return [RecordedTrigger(*map(str, row)) for row in fetch(cursor, "hook_triggers")]


def recorded_rule(cursor: MySQLCursorAbstract, name: str) -> Rule:
    """Read the rule of a hook. Raises ``HookError`` if there is no such hook."""
    if rule := _recorded_rule(cursor, name):
        return rule
    known = ", ".join(each.name for each in recorded_rules(cursor)) or "none"
    raise HookError(f"there is no hook {printable(name)}; those that were applied: {known}")


def _recorded_rule(cursor: MySQLCursorAbstract, name: str) -> Rule | None:
    return next((rule for rule in recorded_rules(cursor) if rule.name == name), None)


def _present(cursor: MySQLCursorAbstract, schema: str) -> dict[str, tuple[str, str]]:
    """Read the triggers of hooks that exist in a database: table and body by name."""
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
