"""Creates missing triggers, replaces those that differ from the schema, and drops those that are no longer in it."""

from collections.abc import Sequence

from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_db.connection.lasting_connection import fetch
from takedown_db.schema.scripts import definition, run_script
from takedown_db.schema.triggers import (
    SCRIPTS,
    PresentTrigger,
    altered_triggers,
    defined,
    former_triggers,
    judge_triggers,
    strayed_triggers,
)
from takedown_db.statements import statement

#: Most created triggers that are named, a line each.
_NAMED = 5


class TriggersNotMadeError(Exception):
    """Triggers are missing right after they were created. The text names them."""


def restore_triggers(cursor: MySQLCursorAbstract) -> list[str]:
    """Create missing triggers, replace altered ones and then drop former ones. Returns a line for each.

    A changed trigger has a new name. The former one goes after it exists: between the two a change is written twice,
    and none is missed. RENAME TABLE takes a table's triggers along. Such a trigger is dropped first, since the table
    that took the other one's place needs its name. Raises ``TriggersNotMadeError`` and ``mysql.connector.Error``.
    """
    present = [PresentTrigger(*row) for row in fetch(cursor, "present_triggers")]
    judged, strayed, altered = judge_triggers(present), strayed_triggers(present), altered_triggers(present)
    for trigger in [name for name, _ in strayed] + altered:
        cursor.execute(statement("migrate_drop_trigger").replace("{trigger}", trigger))
    order = _before_followers([row for row in present if row.name not in altered])
    for part in SCRIPTS:
        run_script(cursor, definition(part), order)
    left = judge_triggers(rows := fetch(cursor, "present_triggers"))
    if names := left.missing + left.weakened:
        raise TriggersNotMadeError(f"these triggers are missing although they were just created: {', '.join(names)}")
    former = former_triggers(rows)
    for trigger in former:
        cursor.execute(statement("migrate_drop_trigger").replace("{trigger}", f"`{trigger}`"))
    created = [trigger for trigger in judged.missing + judged.weakened if trigger not in altered]
    return [
        *(f"dropped the trigger {trigger} from {table}" for trigger, table in strayed),
        *(f"restored the trigger {trigger}: its body, time or definer was another one" for trigger in altered),
        *_created(created),
        *(f"dropped the trigger {trigger}: it is no longer in the schema" for trigger in former),
    ]


def _created(triggers: Sequence[str]) -> list[str]:
    """Write a line for each trigger that was created, or one for a new database's many."""
    if len(triggers) > _NAMED:
        return [f"created {len(triggers)} triggers"]
    return [f"created the trigger {trigger}" for trigger in triggers]


def _before_followers(present: Sequence[PresentTrigger]) -> dict[str, str]:
    """Replace heads of triggers in the scripts, so that a recreated trigger fires before the one that follows it."""
    places = {(row.name, row.on_table) for row in present}
    followers = {
        own.follows: own
        for own in defined("log_triggers").values()
        if own.follows and (own.name, own.on_table) in places
    }
    return {
        (head := f"{name} {own.timing} {own.event} ON {own.on_table} FOR EACH ROW"): f"{head} PRECEDES {own.name}"
        for name, own in followers.items()
    }
