"""`purger webhook`: sets up the receivers of webhooks, lists their events, and sends events again."""

import json
import os
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from purger.cli.options.database_url import database_url
from purger.cli.options.values import Moment, as_json, remark
from purger.edge.credentials import CredentialError, read_allowed_tokens
from purger.edge.url import is_private
from purger.model import WebhookState
from purger.text_format import aligned, counted, duration
from purger.webhooks.post import ReceiverUrl, UnusableReceiverUrlError
from purger.webhooks.signature import UnusableSecretError, key_of, new_secret
from takedown_base.json_output import members, print_json, utc_text
from takedown_base.printable import printable
from takedown_db.connection.command_connection import connected
from takedown_db.connection.lasting_connection import Connection

_EXAMPLES = """\b
Example:
purger webhook add cases --url https://cases.example.org/takedowns --secret-file /etc/purger/cases.secret \\
    --link 'https://door.internal:6190/takedowns/{takedown}'"""

_REPLAYS = """\b
Examples:
purger webhook replay cases
purger webhook replay cases --event gone_17_1764763200123456
purger webhook replay cases --since 2026-12-01T18:30"""

#: The keys of an event in JSON: the columns of the statement ``webhook_events`` after the first.
_EVENT_KEYS = [
    "webhook",
    "event",
    "takedown",
    "state",
    "attempts",
    "created_at",
    "due_at",
    "told_at",
    "problem",
    "payload",
]


@click.group()
def webhook() -> None:
    """Send signed requests (webhooks) when a takedown is gone at every edge, is late, or is lifted."""


@webhook.command(epilog=_EXAMPLES)
@click.argument("name")
@click.option("--url", required=True, help="The URL to send events to. Use http:// only in a private network.")
@click.option(
    "--secret-file",
    required=True,
    help="The file with the secret that signs requests (whsec_...), on the machine of every purger. It is made if it "
    "does not exist. A second line may hold another secret: each request is then signed with both.",
)
@click.option("--ca-file", help="Who may have signed the receiver's certificate.  [default: the system's authorities]")
@click.option("--link", help="URL of a takedown's proof for events to name; {takedown} becomes its id.")
@database_url
def add(name: str, url: str, secret_file: str, ca_file: str | None, link: str | None, database_url: str) -> None:
    """Add the receiver NAME. It gets events for bans and lifts from now on."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        raise click.UsageError("a receiver's name is 1 to 64 of A-Z a-z 0-9 _ . -")
    try:
        parts = ReceiverUrl.parse(url)
        if link is not None:
            ReceiverUrl.parse(link)
    except UnusableReceiverUrlError as error:
        raise click.UsageError(f"--url or --link: {error}") from None
    path = Path(secret_file).absolute()
    made = _make_secret(path)
    _require_secret(path)
    row = {"name": name, "url": url, "secret_file": str(path), "ca_file": ca_file, "link": link}
    with connected(Connection, database_url) as connection:
        if _find(connection, name) is not None:
            raise click.ClickException(f"there is a receiver {name} already: remove it first")
        connection.run("webhook_add", **row)
    click.echo(f"added receiver {name}; its secret is in {printable(path)}{', which was made' if made else ''}")
    if parts.scheme == "http" and not is_private(f"http://{parts.authority}"):
        remark(
            "the URL is http://: anyone on the way can read what is banned. Use https:// outside of a private network"
        )


def _make_secret(path: Path) -> bool:
    """Write a new secret to a file that does not exist. Return whether it did not."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(new_secret() + "\n")
    except FileExistsError:
        return False
    except OSError as error:
        raise click.ClickException(f"{printable(path)} cannot be written: {error.strerror}") from None
    return True


def _require_secret(path: Path) -> None:
    try:
        for secret in read_allowed_tokens(str(path)):
            key_of(secret)
    except (CredentialError, UnusableSecretError) as error:
        raise click.UsageError(f"--secret-file: {error}") from None


@webhook.command(epilog="\b\nExample:\npurger webhook enable cases")
@click.argument("name")
@database_url
def enable(name: str, database_url: str) -> None:
    """Enable the receiver NAME, and send it at once the events that wait for it."""
    _switch(database_url, name, enabled=True)


@webhook.command(epilog="\b\nExample:\npurger webhook disable cases")
@click.argument("name")
@database_url
def disable(name: str, database_url: str) -> None:
    """Disable the receiver NAME. Its events wait until it is enabled."""
    _switch(database_url, name, enabled=False)


def _switch(url: str, name: str, *, enabled: bool) -> None:
    _change(url, "webhook_enable", name, enabled=enabled)
    click.echo(f"{'enabled' if enabled else 'disabled'} receiver {name}")


@webhook.command(epilog="\b\nExample:\npurger webhook remove cases")
@click.argument("name")
@database_url
def remove(name: str, database_url: str) -> None:
    """Remove the receiver NAME and all its events, sent or not."""
    _change(database_url, "webhook_remove", name)
    with connected(Connection, database_url) as connection:
        connection.run("webhook_remove_events", name=name)
    click.echo(f"removed receiver {name}")


def _change(url: str, statement: str, name: str, **parameters: Any) -> None:
    with connected(Connection, url) as connection:
        _require(connection, name)
        connection.run(statement, name=name, **parameters)


def _find(connection: Connection, name: str) -> WebhookState | None:
    rows = (WebhookState(*row) for row in connection.rows("webhooks"))
    return next((each for each in rows if each.name == name), None)


def _require(connection: Connection, name: str) -> None:
    if _find(connection, name) is None:
        raise click.ClickException(f"there is no receiver {printable(name)}: `purger webhook list` names all")


@webhook.command("list", epilog="\b\nExample:\npurger webhook list")
@as_json
@database_url
def list_(as_json: bool, database_url: str) -> None:
    """List all receivers: how many events wait for each, for how long, and why."""
    with connected(Connection, database_url) as connection:
        states = [WebhookState(*row) for row in connection.rows("webhooks")]
    if as_json:
        print_json([members(state, *state._fields) for state in states])
        return
    rows = [
        (
            *(state.name, state.host, "enabled" if state.enabled else "disabled", state.waiting),
            *(duration(state.oldest) if state.waiting else "", state.dead, state.problem),
        )
        for state in states
    ]
    click.echo("\n".join(aligned(("receiver", "host", "", "waiting", "for", "given up", "problem"), rows)))


@webhook.command(epilog="\b\nExamples:\npurger webhook events cases --state dead\npurger webhook events --json")
@click.argument("name", required=False)
@click.option("--state", type=click.Choice(["waiting", "told", "dead"]), help="List only events in this state.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True, help="List at most so many.")
@as_json
@database_url
def events(name: str | None, state: str | None, limit: int, as_json: bool, database_url: str) -> None:
    """List the events of the receiver NAME, or of all receivers, newest first: waiting, told, or dead (given up)."""
    with connected(Connection, database_url) as connection:
        if name is not None:
            _require(connection, name)
        rows = connection.rows("webhook_events", webhook=name, state=state, limit=limit)
    if as_json:
        found = [dict(zip(_EVENT_KEYS, row[1:], strict=True)) for row in rows]
        print_json([{**each, "payload": json.loads(str(each["payload"]))} for each in found])
        return
    shown = [(row[1], row[2], row[4], row[5], utc_text(row[6]), row[9]) for row in rows]
    click.echo("\n".join(aligned(("receiver", "event", "state", "failures", "made", "problem"), shown)))


@webhook.command(epilog=_REPLAYS)
@click.argument("name")
@click.option("--event", help="Send only the event with this webhook-id, told or given up.")
@click.option("--since", type=Moment(), help="Send all events made since this time (UTC), told or given up.")
@database_url
def replay(name: str, event: str | None, since: datetime | None, database_url: str) -> None:
    """Send events to the receiver NAME again: all that were given up, or those that an option selects."""
    if event is not None and since is not None:
        raise click.UsageError("give --event or --since, or neither for all that were given up")
    with connected(Connection, database_url) as connection:
        _require(connection, name)
        number = connection.run("webhook_replay", webhook=name, message=event, since=since)
    if event is not None and not number:
        raise click.ClickException(f"receiver {name} has no event {printable(event)} that was told or given up")
    click.echo(f"{counted(number, 'event')} {'is' if number == 1 else 'are'} told again")
