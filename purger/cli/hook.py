"""`purger hook`: writes and installs the triggers by which a site's own table bans and lifts."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import click
import mysql.connector
from mysql.connector.abstracts import MySQLCursorAbstract

from purger.cli.options.database_url import url_option
from purger.cli.options.values import remark, utf8_text
from purger.moderation.bans import LONGEST_REASON
from purger.text_format import counted
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_db.connection.connect import connect
from takedown_db.connection.errors import explain
from takedown_db.connection.lasting_connection import fetch
from takedown_db.hooks.expression import quoted
from takedown_db.hooks.install import apply_hook, recorded_rule, recorded_rules, remove_hook
from takedown_db.hooks.plan import HookError, HookPlan, find_table, plan_hook, run
from takedown_db.hooks.presets import PRESETS, preset_rules, preset_statements
from takedown_db.hooks.triggers import Rule, script

#: Seconds that a statement may take: the table may be large.
_TIMEOUT = 3600

#: A name of a hook: a part of the names of its triggers, which have at most 64 characters.
_NAME = re.compile("[A-Za-z0-9_-]{1,40}")

_EXAMPLES = """\b
Examples:
purger hook --table pictures --code-column code --when "path IS NULL"
purger hook --table pictures --code-column code --when "path IS NULL" --apply
purger hook --table shop.items --code-expression "CONCAT('item-', id)" --when "status IN ('removed', 'blocked')"
purger hook --table media --name-column file_path --when flagged --purge-when checksum --apply
purger hook --table users --owner-column id --when banned --apply
purger hook --table media_blocklists --digest-column sha256 --when active --on-delete lift --apply
purger hook --preset mediawiki --apply
purger hook --name pictures --apply      (again, after a change of the table)
purger hook --name pictures --remove"""


#: The flags of which one says what a row bans, each with the scope of the ban.
_SUBJECTS = {
    "name_column": Scope.IMAGE,
    "code_column": Scope.IMAGE,
    "code_expression": Scope.IMAGE,
    "owner_column": Scope.OWNER,
    "owner_expression": Scope.OWNER,
    "digest_column": Scope.DIGEST,
    "digest_expression": Scope.DIGEST,
}


def _subject(subjects: dict[str, str | None], database: str) -> tuple[Scope, str]:
    """Return the scope, and the subject as SQL. Raises ``click.UsageError`` unless one flag is given."""
    given = [(flag, text) for flag, text in subjects.items() if text]
    if len(given) != 1:
        flags = ", ".join(f"--{flag.replace('_', '-')}" for flag in _SUBJECTS)
        raise click.UsageError(f"give one of {flags}")
    ((flag, text),) = given
    if flag == "name_column":
        text = f"{quoted(database)}.code_of_name({text})"
    elif flag.endswith("_column"):
        text = quoted(text)
    return _SUBJECTS[flag], text


def _utf8_texts(context: click.Context, parameter: click.Parameter, value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(str(utf8_text(context, parameter, each)) for each in value)


def _joined(columns: Sequence[str]) -> str:
    """Write the name that columns make, as in DIRECTORY/FILE. NULL in one of them makes it NULL: no image."""
    names = ", '/', ".join(map(quoted, columns))
    return f"CONCAT({names})" if len(columns) > 1 else names


def _check_name(_context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _NAME.fullmatch(value):
        raise click.BadParameter("must be 1 to 40 of A-Z a-z 0-9 _ -", param=parameter)
    return value


@click.command(epilog=_EXAMPLES)
@click.option(
    "--table", callback=utf8_text, help="The site's own table, with its database where the name is not unique."
)
@click.option(
    "--name-column",
    multiple=True,
    callback=_utf8_texts,
    help="The column with the name by which the row's image was imported, such as its path. Given twice, as for "
    "directory and file: both with a / between them.",
)
@click.option("--code-column", callback=utf8_text, help="The column with the code of the row's image.")
@click.option("--code-expression", callback=utf8_text, help="SQL for the code, where no column has it as imports do.")
@click.option(
    "--owner-column", callback=utf8_text, help="The column with the owner's key: bans all images of an owner."
)
@click.option("--owner-expression", callback=utf8_text, help="SQL for the owner's key.")
@click.option(
    "--digest-column",
    callback=utf8_text,
    help="The column with the SHA-256 of an original: bans all images with these bytes, also those that come later.",
)
@click.option("--digest-expression", callback=utf8_text, help="SQL for the SHA-256, as 64 hex digits 0-9 a-f.")
@click.option("--when", callback=utf8_text, help="SQL over the row's columns: true while the row is taken down.")
@click.option(
    "--purge-when",
    callback=utf8_text,
    help="SQL over the row's columns, such as a checksum: an update that changes its value purges the image, without "
    "a ban.",
)
@click.option(
    "--name", callback=_check_name, help="The hook's name, which its bans carry.  [default: the table's name]"
)
@click.option("--reason", callback=utf8_text, help="The reason in its bans.  [default: the text of --when]")
@click.option(
    "--on-delete",
    type=click.Choice(["ban", "keep", "lift", "purge"]),
    help="Ban a deleted row, lift the hook's own bans of it, keep things as they are, or only purge it.  [default: "
    "ban; for digests keep]",
)
@click.option(
    "--on-rename",
    type=click.Choice(["ban", "purge"]),
    default="ban",
    show_default=True,
    help="Take the former code, owner or digest of a row that gets another one for deleted, or only purge it as long "
    "as the row is not taken down.",
)
@click.option(
    "--lift-on-insert",
    is_flag=True,
    help="Lift the hook's earlier bans of a code when a row is inserted with it, where codes are used again.",
)
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    help="Take the hooks for the tables of this application, instead of --table and a rule. Each has its own --name.",
)
@click.option(
    "--site", callback=utf8_text, help="With --preset: the application's database, if several have its tables."
)
@click.option("--prefix", callback=utf8_text, help="With --preset: the prefix of its tables, if it is no usual one.")
@click.option("--apply", "is_applied", is_flag=True, help="Install the triggers, and ban what is taken down already.")
@click.option("--remove", is_flag=True, help="Drop the triggers of --name. Its bans stay.")
@click.option("--list", "is_listed", is_flag=True, help="List the hooks that were applied.")
@url_option("--database-url", "PURGER_ADMIN_URL", "an admin's account")
def hook(
    table: str | None,
    name: str | None,
    is_applied: bool,
    remove: bool,
    is_listed: bool,
    database_url: str,
    **flags: Any,
) -> None:
    """Print the triggers by which a table of the site's own bans and lifts; with --apply, install them.

    A row is banned when it is inserted or updated so that --when becomes true, and when it is deleted; the hook's own
    ban is lifted when --when is true no more. Bans of others stay. A row that could not be banned, for what it has as
    a code, owner or digest, is refused when it is written. The ban commits with the site's own statement. The triggers
    run as takedown_hook, a locked account, so that the site's accounts need no new rights. `purger status` says when
    one of them is missing or altered. With only --name, --apply applies a hook again as it was.

    Exit code 1 says that the server refuses --when, --purge-when or the subject, that the table has subjects which are
    no codes, or that the account lacks a right. Then nothing was installed.
    """
    with _admin(database_url) as cursor:
        if is_listed:
            click.echo("\n".join(map(_line, recorded_rules(cursor))) or "no hook was applied")
        elif remove:
            _remove(cursor, name or (table or "").rpartition(".")[2])
        else:
            # All are checked before the first is installed.
            plans = [plan_hook(cursor, rule, granting=is_applied) for rule in _rules(cursor, table, name, **flags)]
            if flags["preset"]:
                _prepare(cursor, flags["preset"], flags["site"], flags["prefix"], is_applied)
            for plan in plans:
                _install(cursor, plan, is_applied)


def _rules(
    cursor: MySQLCursorAbstract,
    table: str | None,
    name: str | None,
    *,
    preset: str | None,
    site: str | None,
    prefix: str | None,
    **flags: Any,
) -> list[Rule]:
    if preset:
        if table or name:
            raise click.UsageError("give --preset, or --table or --name")
        return list(preset_rules(cursor, preset, site, prefix))
    if site is not None or prefix is not None:
        raise click.UsageError("--site and --prefix are for --preset: write DATABASE.TABLE after --table")
    if name is not None and table is None:
        return [recorded_rule(cursor, name)]
    return [_rule(cursor, table, name, **flags)]


def _prepare(cursor: MySQLCursorAbstract, preset: str, site: str | None, prefix: str | None, is_applied: bool) -> None:
    """Run what the rules of a preset need, or print it."""
    for text in preset_statements(cursor, preset, site, prefix):
        if is_applied:
            run(cursor, text, "the rules of the preset cannot look images up")
        else:
            click.echo(f"{text};\n")


def _install(cursor: MySQLCursorAbstract, plan: HookPlan, is_applied: bool) -> None:
    """Install a hook, or print it."""
    for line in plan.remarks:
        remark(line)
    if is_applied:
        _apply(cursor, plan)
    else:
        click.echo(script(plan.before, plan.triggers, [*plan.record, plan.bans]))


def _rule(
    cursor: MySQLCursorAbstract,
    table: str | None,
    name: str | None,
    *,
    when: str | None,
    purge_when: str | None,
    reason: str | None,
    on_delete: str | None,
    on_rename: str,
    lift_on_insert: bool,
    name_column: Sequence[str],
    **subjects: str | None,
) -> Rule:
    if not table or not when:
        raise click.UsageError("give --table and --when, --preset, or --name of a hook that was applied")
    ((database,),) = fetch(cursor, "hook_database")
    scope, subject = _subject({"name_column": _joined(name_column), **subjects}, str(database))
    on_delete = on_delete or ("keep" if scope is Scope.DIGEST else "ban")
    schema, found = find_table(cursor, table)
    if name is None and not _NAME.fullmatch(found):
        raise click.UsageError("give the hook a --name: the table's has characters that no hook's may have")
    return Rule(
        name=name or found,
        schema=schema,
        table=found,
        scope=scope,
        subject=subject,
        when=when,
        reason=(reason or when)[:LONGEST_REASON],
        bans_deleted=on_delete == "ban",
        lifts_deleted=on_delete == "lift",
        purges_renamed=on_rename == "purge",
        lifts_inserted=lift_on_insert,
        purges_deleted=on_delete == "purge",
        content=purge_when,
    )


def _apply(cursor: MySQLCursorAbstract, plan: HookPlan) -> None:
    _refuse_other_table(cursor, plan.rule)
    outcome = apply_hook(cursor, plan)
    lines = [f"created the trigger {name}" for name in outcome.made]
    lines += [f"dropped the trigger {name}: another one replaces it" for name in outcome.dropped]
    if outcome.banned:
        lines.append(f"banned {counted(outcome.banned, 'row')} taken down already")
    click.echo("\n".join(lines or ["nothing to do: the hook is installed"]))


def _refuse_other_table(cursor: MySQLCursorAbstract, rule: Rule) -> None:
    """Keep a hook's name from being taken by a hook on another table, which would end the first one."""
    known = next((each for each in recorded_rules(cursor) if each.name == rule.name), None)
    if known and known.place != rule.place:
        place = printable(known.place)
        raise HookError(f"there is a hook {rule.name} on {place}: give this one another --name, or remove that")


def _remove(cursor: MySQLCursorAbstract, name: str) -> None:
    for dropped in remove_hook(cursor, name):
        click.echo(f"dropped the trigger {dropped}")
    shown = printable(name)
    click.echo(f"removed the hook {shown}; its bans stay: see `purger bans --by {shown}`")


def _line(rule: Rule) -> str:
    subject = f"{rule.scope} {rule.subject}"
    return printable(f"{rule.name}: on {rule.place}, {subject}, when {rule.when}")


@contextmanager
def _admin(url: str) -> Iterator[MySQLCursorAbstract]:
    """Connect with an admin's account. Raises ``click.ClickException`` for each error of the hook or the database."""
    try:
        connection = connect(url, timeout=_TIMEOUT)
    except mysql.connector.Error as error:
        raise click.ClickException(f"the database is unusable: {explain(error)}") from error
    try:
        with connection.cursor() as cursor:
            yield cursor
    except HookError as error:
        raise click.ClickException(str(error)) from error
    except mysql.connector.Error as error:
        raise click.ClickException(explain(error)) from error
    finally:
        connection.close()
