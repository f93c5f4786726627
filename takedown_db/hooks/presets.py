"""Knows the tables of applications, and what in them is a takedown: the rules of `purger hook --preset`.

Each preset makes the names that the rules of the same name make of URLs (``origin/verdict/presets``).
"""

from collections.abc import Iterator
from typing import NamedTuple

from mysql.connector.abstracts import MySQLCursorAbstract

from takedown_base.scope import Scope
from takedown_db.connection.lasting_connection import fetch
from takedown_db.hooks.expression import quoted
from takedown_db.hooks.plan import find_table
from takedown_db.hooks.triggers import Rule


class _Hook(NamedTuple):
    """A hook of a preset. ``name`` is SQL for the name of the row's image, NULL for rows without one."""

    table: str
    name: str
    when: str = "FALSE"
    content: str | None = None
    reason: str = "deleted"
    bans_deleted: bool = False
    purges_deleted: bool = False


class _Preset(NamedTuple):
    prefix: str  # of its tables, unless the site has another
    hooks: tuple[_Hook, ...]


PRESETS = {
    # A deleted row goes to filearchive, and comes back by an undelete. oldimage has the older versions of a file.
    "mediawiki": _Preset(
        "",
        (
            _Hook("image", "img_name", content="CONCAT(img_sha1, img_timestamp)", bans_deleted=True),
            _Hook("oldimage", "oi_name", content="oi_deleted", purges_deleted=True),
        ),
    ),
}


def preset_rules(cursor: MySQLCursorAbstract, preset: str, site: str | None, prefix: str | None) -> Iterator[Rule]:
    """Make the rules of a preset for the application in the database ``site``. Raises ``HookError``.

    Without ``site`` it takes the only database that has the tables; without ``prefix`` the application's own.
    """
    found = PRESETS[preset]
    ((own,),) = fetch(cursor, "hook_database")
    for each in found.hooks:
        name = (found.prefix if prefix is None else prefix) + each.table
        schema, table = find_table(cursor, f"{site}.{name}" if site else name)
        site = schema
        yield Rule(
            name=f"{preset}-{each.table}",
            schema=schema,
            table=table,
            scope=Scope.IMAGE,
            subject=f"{quoted(str(own))}.code_of_name({each.name})",
            when=each.when,
            reason=each.reason,
            content=each.content,
            bans_deleted=each.bans_deleted,
            purges_deleted=each.purges_deleted,
            purges_renamed=True,
            lifts_inserted=each.bans_deleted,
        )
