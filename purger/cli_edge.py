"""`purger edge`: which edges there are."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import click
import mysql.connector

from database import connect, explain
from purger.cli_options import as_json, database_url, linked, new_console, new_table, print_json, utc
from purger.link import REFUSALS
from purger.statements import statement

_COLUMNS = (
    *("name", "purge_url", "public_url", "token_file", "enabled"),
    *("instance", "acknowledged", "seen_at", "epoch", "problem"),
)


@click.group()
def edge() -> None:
    """Add, list and remove edges. A running purger notices within a second."""


def _url(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise click.BadParameter(f"{value!r} is not an http:// or https:// URL with a host")
    if parts.query or parts.fragment or parts.path not in ("", "/"):
        raise click.BadParameter(f"{value!r} has more than scheme, host and port")
    return value.rstrip("/")


@edge.command()
@click.argument("name")
@click.option(
    "--purge-url", required=True, callback=_url, help="The edge's listener `purge`, as the purger reaches it."
)
@click.option("--public-url", required=True, callback=_url, help="Its listener `public`: receipts look through it.")
@click.option("--token-file", required=True, type=click.Path(path_type=Path, dir_okay=False),
              help="Holds the edge's token; on the purger's machine.")  # fmt: skip
@database_url
def add(name: str, purge_url: str, public_url: str, token_file: Path, database_url: str) -> None:
    """Add the edge NAME. It is flushed first, and then gets its heartbeats."""
    values: dict[str, Any] = {
        "name": name,
        "purge_url": purge_url,
        "public_url": public_url,
        "token_file": str(token_file.absolute()),
    }
    try:
        connection = connect(database_url, timeout=10)
        with connection.cursor() as cursor:
            cursor.execute(statement("edge_add"), values)
        connection.close()
    except mysql.connector.Error as error:
        if error.errno == 1062:
            raise click.ClickException(f"there is an edge {name} already; remove it first to change it") from error
        if error.errno in REFUSALS:
            raise click.UsageError("an edge's name is 1 to 64 of A-Z a-z 0-9 _ . -") from error
        raise click.ClickException(explain(error)) from error
    click.echo(f"added edge {name}")
    if not token_file.is_file():
        click.echo(f"warning: {token_file} is not there, as seen from this machine", err=True)
    elif not token_file.stat().st_size:
        click.echo(f"warning: {token_file} is empty", err=True)


@edge.command("list")
@as_json
@database_url
def list_(as_json: bool, database_url: str) -> None:
    """List all edges as the database knows them. `purger status` asks them."""
    with linked(database_url) as link:
        rows = link.rows("edge_list")
    edges = [dict(zip(_COLUMNS, row, strict=True)) | {"enabled": bool(row[4])} for row in rows]
    if as_json:
        print_json(edges)
        return
    table = new_table("edge", "purge", "public", "token file", "enabled", "acknowledged", "last answer", "problem")
    for one in edges:
        table.add_row(
            one["name"], one["purge_url"], one["public_url"], one["token_file"], "yes" if one["enabled"] else "no",
            str(one["acknowledged"]), utc(one["seen_at"]) or "never", one["problem"] or "",
        )  # fmt: skip
    new_console().print(table)


@edge.command()
@click.argument("name")
@database_url
def remove(name: str, database_url: str) -> None:
    """Remove the edge NAME. It gets no more heartbeats, so it stops trusting its cache. Its receipts stay."""
    with linked(database_url) as link:
        if not link.run("edge_remove", name=name):
            raise click.ClickException(f"there is no edge {name}")
    click.echo(f"removed edge {name}")
