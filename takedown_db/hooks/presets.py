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
from takedown_db.hooks.triggers import Rule, fill


class _Hook(NamedTuple):
    """A hook of a preset. ``name`` is SQL for the name of the row's image, NULL for rows without one."""

    table: str
    name: str
    when: str = "FALSE"
    content: str | None = None
    reason: str = "deleted"
    bans_deleted: bool = False
    purges_deleted: bool = False
    lifts_inserted: bool = False


class _Lookup(NamedTuple):
    """A table in which the preset's rules look an image up by the value of a column."""

    table: str
    by: str
    column: str


class _Preset(NamedTuple):
    prefix: str  # of its tables, unless the site has another
    hooks: tuple[_Hook, ...]
    lookups: tuple[_Lookup, ...] = ()


#: WordPress' suffixes of sizes, of files that it has reduced or turned, and of those that its editor has made; without
#: backslashes and backreferences, in which the servers differ.
_WORDPRESS_SUFFIXES = "(-(scaled|rotated|e[0-9]{13,}|[0-9]+x[0-9]+))+(?=[.][^./]+$)"


def _wordpress(path: str, condition: str) -> str:
    """Write SQL for the name of an attachment by the path of its file, for rows that meet a condition."""
    name = f"REGEXP_REPLACE({path}, '{_WORDPRESS_SUFFIXES}', '')"
    # A file of this name reads like the picture of a document.
    return f"IF({condition}, REGEXP_REPLACE({name}, '-pdf[.]jpe?g$', '.pdf'), NULL)"


PRESETS = {
    # A deleted row goes to filearchive, and comes back by an undelete. oldimage has the older versions of a file.
    "mediawiki": _Preset(
        "",
        (
            _Hook(
                "image", "img_name", content="CONCAT(img_sha1, img_timestamp)", bans_deleted=True, lifts_inserted=True
            ),
            _Hook("oldimage", "oi_name", content="oi_deleted", purges_deleted=True),
        ),
    ),
    # An attachment's path is a row of postmeta, which changes when its editor makes another file. posts has its state,
    # and its first path only.
    "wordpress": _Preset(
        "wp_",
        (
            _Hook(
                "postmeta",
                _wordpress("meta_value", "meta_key = '_wp_attached_file'"),
                content="meta_value",
                bans_deleted=True,
                lifts_inserted=True,
            ),
            _Hook(
                "posts",
                _wordpress(
                    "SUBSTRING_INDEX(guid, '/uploads/', -1)", "post_type = 'attachment' AND guid LIKE '%/uploads/%'"
                ),
                when="post_status = 'trash'",
                reason="trash",
                lifts_inserted=True,
            ),
        ),
    ),
    # A rendition's file name holds no image, so the rules look it up.
    "wagtail": _Preset(
        "",
        (
            _Hook(
                "wagtailimages_image",
                "CONCAT('wagtail-image-', id)",
                content="CONCAT(file, ' ', file_hash)",
                bans_deleted=True,
                lifts_inserted=True,
            ),
            _Hook(
                "wagtailimages_rendition",
                "CONCAT('wagtail-image-', image_id)",
                content="file",
                purges_deleted=True,
            ),
        ),
        (_Lookup("wagtailimages_image", "file", "id"), _Lookup("wagtailimages_rendition", "file", "image_id")),
    ),
}


def preset_rules(cursor: MySQLCursorAbstract, preset: str, site: str | None, prefix: str | None) -> Iterator[Rule]:
    """Make the rules of a preset for the application in the database ``site``. Raises ``HookError``.

    Without ``site`` it takes the only database that has the tables; without ``prefix`` the application's own.
    """
    found = PRESETS[preset]
    ((own,),) = fetch(cursor, "hook_database")
    for each in found.hooks:
        schema, table = _find(cursor, found, each.table, site, prefix)
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
            lifts_inserted=each.lifts_inserted,
        )


def preset_statements(cursor: MySQLCursorAbstract, preset: str, site: str | None, prefix: str | None) -> Iterator[str]:
    """Write what a preset's rules need to look images up: rights of the origin, and indexes that are missing.

    Raises ``HookError``.
    """
    found = PRESETS[preset]
    for each in found.lookups:
        schema, table = _find(cursor, found, each.table, site, prefix)
        place = f"{quoted(schema)}.{quoted(table)}"
        yield fill("hook_let_origin_read", {"columns": f"{quoted(each.by)}, {quoted(each.column)}", "table": place})
        ((indexes,),) = fetch(cursor, "hook_indexed", in_schema=schema, table=table, column=each.by)
        if not indexes:
            yield fill("hook_index", {"name": f"takedown_{each.by}", "table": place, "column": quoted(each.by)})


def _find(
    cursor: MySQLCursorAbstract, preset: _Preset, table: str, site: str | None, prefix: str | None
) -> tuple[str, str]:
    name = (preset.prefix if prefix is None else prefix) + table
    return find_table(cursor, f"{site}.{name}" if site else name)
