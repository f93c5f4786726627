"""Reads whether the triggers of hooks stand, with the account of the purger, which sees no table of the site."""

from takedown_db.connection.lasting_connection import Connection, fetch_sets
from takedown_db.hooks.triggers import HookState, RecordedTrigger, StandingTrigger, judge_hooks


def read_hooks(connection: Connection) -> tuple[HookState, ...]:
    """Read the state of each hook. Raises ``DatabaseUnavailableError``."""
    hooks, recorded, standing, *_ = connection.repeated(lambda cursor: fetch_sets(cursor, "hooks_standing"))
    return judge_hooks(
        [(str(name), str(schema), str(table)) for name, schema, table in hooks],
        [RecordedTrigger(*map(str, row)) for row in recorded],
        [StandingTrigger(*map(str, row)) for row in standing],
    )
