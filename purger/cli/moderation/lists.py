"""`purger lists`: adds, fetches, shows and removes lists of hashes that others publish."""

import re
import sys
from pathlib import Path

import click

from purger.cli.options.database_url import moderation_url
from purger.cli.options.values import as_json, remark, utf8_text
from purger.exit_codes import ExitCode
from purger.hash_lists.hash_lists import FetchError, HashList, fetch_list, read_lists, remove_list
from purger.hash_lists.source import is_url
from purger.text_format import aligned, counted
from takedown_base.content_names import shown_name
from takedown_base.json_output import members, print_json, utc_text
from takedown_base.printable import printable
from takedown_db.connection.command_connection import connected
from takedown_db.connection.lasting_connection import Connection

#: Suggestions of a list that `purger lists show NAME` prints.
_SHOWN = 1000

_EXAMPLES = """\b
Examples:
purger lists add partners https://lists.example.org/partners.csv --policy ask
purger lists add own /srv/lists/own.csv --policy ban"""


@click.group()
def lists() -> None:
    """Ban or suggest what lists of hashes name: CSV files and URLs."""


@lists.command(epilog=_EXAMPLES)
@click.argument("name")
@click.argument("source", callback=utf8_text)
@click.option(
    "--policy",
    required=True,
    type=click.Choice(["ban", "ask"]),
    help="ban: what the list names is banned at once, also when it comes later. ask: it waits for a person's word.",
)
@moderation_url
def add(name: str, source: str, policy: str, moderation_url: str) -> None:
    """Add the list NAME, a CSV file or an http(s) URL of one, and fetch nothing yet."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        raise click.UsageError("a list's name is 1 to 64 of A-Z a-z 0-9 _ . -")
    place = source if is_url(source) else str(Path(source).absolute())
    if len(place) > 1024:
        raise click.UsageError("the path or URL is longer than 1,024 characters")
    with connected(Connection, moderation_url) as connection:
        if any(each.name == name for each in read_lists(connection)):
            raise click.ClickException(f"there is a list {name} already: remove it first")
        connection.run("list_add", name=name, source=place, policy=policy)
    click.echo(f"added list {name}; `purger lists fetch {name}` fetches it")


@lists.command(epilog="\b\nExamples:\npurger lists fetch\npurger lists fetch partners")
@click.argument("name", required=False)
@moderation_url
def fetch(name: str | None, moderation_url: str) -> None:
    """Fetch the list NAME, or all lists, and carry out what they name. Let a timer run it.

    A list is replaced in one step. One that breaks off, lies about its length, is malformed or empty changes nothing:
    exit code 3. An entry that the source has withdrawn lifts the list's own ban, and no other.
    """
    failed = False
    with connected(Connection, moderation_url) as connection:
        for each in [_found(connection, name)] if name else read_lists(connection):
            try:
                done = fetch_list(connection, each)
            except FetchError as error:
                failed = True
                remark(f"list {each.name} is unchanged: {printable(error)}")
                continue
            new = counted(done.matches, "new ban" if each.policy == "ban" else "new suggestion")
            withdrawn = f"{done.lifted:,} lifted, {done.dropped:,} suggestions withdrawn"
            click.echo(f"list {each.name}: {done.entries:,} entries, {new}, {withdrawn}")
    if failed:
        sys.exit(ExitCode.ATTENTION)


@lists.command(epilog="\b\nExamples:\npurger lists show\npurger lists show partners --json")
@click.argument("name", required=False)
@as_json
@moderation_url
def show(name: str | None, as_json: bool, moderation_url: str) -> None:
    """Show all lists, or the list NAME with the contents that wait for a person's word."""
    with connected(Connection, moderation_url) as connection:
        found = [_found(connection, name)] if name else read_lists(connection)
        waiting = connection.rows("list_suggestions", list=found[0].id, limit=_SHOWN) if name else []
    suggested = [{"hash": shown_name(str(subject)), "made_at": made_at} for subject, made_at in waiting]
    if as_json:
        every = [members(each, *each._fields[1:]) for each in found]
        print_json({**every[0], "waiting": suggested} if name else every)
        return
    rows = [
        (
            *(each.name, each.policy, each.entries, each.bans, each.suggestions),
            *(utc_text(each.fetched_at) if each.fetched_at else "never", each.source, each.problem or ""),
        )
        for each in found
    ]
    titles = ("list", "policy", "entries", "bans", "waiting", "fetched", "source", "problem")
    click.echo("\n".join(aligned(titles, rows)))
    for each in suggested:
        click.echo(f"waits: purger ban --digest {each['hash']}")


@lists.command(epilog="\b\nExample:\npurger lists remove partners")
@click.argument("name")
@moderation_url
def remove(name: str, moderation_url: str) -> None:
    """Remove the list NAME, its entries and open suggestions. The bans that it made stay."""
    with connected(Connection, moderation_url) as connection:
        found = _found(connection, name)
        remove_list(connection, found)
    kept = f"; {counted(found.bans, 'ban')} of it stay open" if found.bans else ""
    click.echo(f"removed list {name}{kept}")


def _found(connection: Connection, name: str) -> HashList:
    found = next((each for each in read_lists(connection) if each.name == name), None)
    if found is None:
        raise click.ClickException(f"there is no list {printable(name)}: `purger lists show` names all")
    return found
