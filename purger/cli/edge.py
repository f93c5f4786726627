"""`purger edge`: which edges there are."""

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from purger.cli.options import as_json, database_url
from purger.edge_url import UnusableEdgeUrlError, is_private, shown, split_url
from takedown_db.command import connected
from takedown_db.connection import Connection
from takedown_db.json_output import print_json, utc_text
from takedown_db.printable import printable
from takedown_db.secret_files import exposure

Command = TypeVar("Command", bound=Callable[..., Any])

_COLUMNS = (
    *("name", "purge_url", "public_url", "token_file", "enabled"),
    *("instance", "acknowledged", "seen_at", "epoch", "problem"),
    *("ca_file", "certificate_file", "key_file"),
)
_SETTINGS = ("name", "purge_url", "public_url", "token_file", "ca_file", "certificate_file", "key_file")

_LABELS = (
    ("purge", "purge_url"),
    ("public", "public_url"),
    ("token", "token_file"),
    ("authority", "ca_file"),
    ("certificate", "certificate_file"),
    ("key", "key_file"),
    ("problem", "problem"),
)

_EXAMPLE = """\b
Example:
purger edge add paris --purge-url https://paris.internal:6443 --public-url https://paris.example.org \\
    --token-file /etc/purger/paris.token --ca-file /etc/purger/ca.pem \\
    --certificate-file /etc/purger/purger.crt --key-file /etc/purger/purger.key"""

_LONGEST = 255  # characters that a column of the table holds


@click.group()
def edge() -> None:
    """Add, change, switch off and on, list and remove edges. A running purger notices within a second."""


def _url(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is None:
        return None
    try:
        split_url(value)
    except UnusableEdgeUrlError as error:
        raise click.BadParameter(str(error)) from None
    return value.rstrip("/")


def _file(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    # An empty path takes a file away that was named before.
    return str(Path(value).absolute()) if value else value


def _edge_options(*, required: bool) -> Callable[[Command], Command]:
    """Make the options of ``add`` and ``set``. Files are on the purger's machine."""
    options = [
        click.option(
            "--purge-url",
            required=required,
            callback=_url,
            help="The edge's listener `purge`, as the purger reaches it; https:// off a trusted network.",
        ),
        click.option(
            "--public-url", required=required, callback=_url, help="Its listener `public`: receipts look through it."
        ),
        click.option(
            "--token-file",
            required=required,
            callback=_file,
            metavar="FILE",
            help="Holds the edge's token on its first line; on the purger's machine, as all files here.",
        ),
        click.option(
            "--ca-file",
            callback=_file,
            metavar="FILE",
            help="PEM file of the authority that signed the edge's certificate.  [default: the system's]",
        ),
        click.option(
            "--certificate-file",
            callback=_file,
            metavar="FILE",
            help="PEM file of the certificate by which the edge knows this purger.",
        ),
        click.option(
            "--key-file", callback=_file, metavar="FILE", help="Its key.  [default: in the certificate's file]"
        ),
    ]

    def decorate(command: Command) -> Command:
        for option in reversed(options):
            command = option(command)
        return command

    return decorate


@edge.command(epilog=_EXAMPLE)
@click.argument("name")
@_edge_options(required=True)
@database_url
def add(name: str, database_url: str, **settings: str | None) -> None:
    """Add the edge NAME. It is flushed first, and then gets its heartbeats."""
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        raise click.UsageError("an edge's name is 1 to 64 of A-Z a-z 0-9 _ . -")
    with connected(Connection, database_url) as connection:
        if _settings(connection, name) is not None:
            raise click.ClickException(f"there is an edge {name} already: `purger edge set` changes it")
        _write(connection, "add_edge", {"name": name} | settings)
    click.echo(f"added edge {name}")
    _warn(settings)


@edge.command("set")
@click.argument("name")
@_edge_options(required=False)
@database_url
def set_(name: str, database_url: str, **settings: str | None) -> None:
    """Change what is given of the edge NAME; '' takes one of the last three files away.

    The edge keeps its progress and its cache: nothing is flushed as long as the same varnishd answers.
    """
    given = {key: value for key, value in settings.items() if value is not None}
    if not given:
        raise click.UsageError("nothing to change: see `purger edge set --help`")
    with connected(Connection, database_url) as connection:
        before = _settings(connection, name)
        if before is None:
            raise click.ClickException(f"there is no edge {name}")
        after = dict(before) | given
        _write(connection, "set_edge", after)
    click.echo(f"changed edge {name}")
    _warn(after)


@edge.command()
@click.argument("name")
@database_url
def enable(name: str, database_url: str) -> None:
    """Follow the edge NAME again. It gets what it missed, or is flushed when the outbox no longer holds that."""
    _switch(database_url, name, on=True)
    click.echo(f"enabled edge {name}")


@edge.command()
@click.argument("name")
@database_url
def disable(name: str, database_url: str) -> None:
    """Leave the edge NAME alone for now. It gets no heartbeats, so it stops trusting its cache within the lease."""
    _switch(database_url, name, on=False)
    click.echo(f"disabled edge {name}")


def _switch(url: str, name: str, *, on: bool) -> None:
    with connected(Connection, url) as connection:
        if _settings(connection, name) is None:
            raise click.ClickException(f"there is no edge {name}")
        connection.run("enable_edge", name=name, enabled=on)


def _settings(connection: Connection, name: str) -> dict[str, str | None] | None:
    rows = connection.rows("edge_settings", name=name)
    return dict(zip(_SETTINGS, rows[0], strict=True)) if rows else None


def _write(connection: Connection, statement: str, settings: Mapping[str, str | None]) -> None:
    values = {key: value or None for key, value in settings.items()}
    if values["key_file"] and not values["certificate_file"]:
        raise click.UsageError("--key-file needs --certificate-file")
    if values["token_file"] is None:
        raise click.UsageError("--token-file cannot be empty")
    encrypted = str(values["purge_url"]).startswith("https:")
    if not encrypted and (values["ca_file"] or values["certificate_file"]):
        raise click.UsageError("--ca-file and --certificate-file are for a purge URL that begins with https://")
    if long := [key for key, value in values.items() if value and len(value) > _LONGEST]:
        raise click.UsageError(f"--{long[0].replace('_', '-')} is longer than {_LONGEST} characters")
    connection.run(statement, **values)


def doubts(settings: Mapping[str, str | None]) -> Iterator[str]:
    """Say what is doubtful: files as seen from this machine, and a token that travels unencrypted."""
    for name in ("token_file", "ca_file", "certificate_file", "key_file"):
        file = settings.get(name)
        if not file:
            continue
        if not os.access(file, os.R_OK) or not Path(file).is_file():
            yield f"{file} is not there or not readable, as seen from this machine"
        elif not Path(file).stat().st_size:
            yield f"{file} is empty"
        elif name in ("token_file", "key_file") and (exposed := exposure(Path(file))):
            yield exposed
    url = str(settings["purge_url"])
    if url.startswith("http:") and not is_private(url):
        yield (
            f"the token goes to {shown(url)} unencrypted, and whoever answers there is taken for the edge: "
            "use https:// with --ca-file, unless you trust every network between"
        )


def _warn(settings: Mapping[str, str | None]) -> None:
    for doubt in doubts(settings):
        click.echo(f"warning: {printable(doubt)}", err=True)


@edge.command("list")
@as_json
@database_url
def list_(as_json: bool, database_url: str) -> None:
    """List all edges as the database knows them. `purger status` asks them."""
    with connected(Connection, database_url) as connection:
        rows = connection.rows("list_edges")
    edges = [dict(zip(_COLUMNS, row, strict=True)) | {"enabled": bool(row[4])} for row in rows]
    if as_json:
        print_json(edges)
        return
    for one in edges:
        click.echo("\n".join(_described(one)))


def _described(one: Mapping[str, Any]) -> Iterator[str]:
    """Describe an edge as the database knows it, a line each: what may be long has a line of its own."""
    enabled = "enabled" if one["enabled"] else "disabled"
    answered = utc_text(one["seen_at"]) or "never"
    yield f"{printable(one['name'])}: {enabled}, acknowledged batch {one['acknowledged']}, last answer {answered}"
    for label, column in _LABELS:
        if one[column]:
            yield f"    {label:<12} {printable(one[column])}"


@edge.command()
@click.argument("name")
@database_url
def remove(name: str, database_url: str) -> None:
    """Remove the edge NAME. It gets no more heartbeats, so it stops trusting its cache. Its receipts stay."""
    with connected(Connection, database_url) as connection:
        if not connection.run("remove_edge", name=name):
            raise click.ClickException(f"there is no edge {name}")
    click.echo(f"removed edge {name}")
