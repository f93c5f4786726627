"""`purger edge`: adds, changes, enables, disables, lists and removes edges."""

import re
from collections.abc import Iterator
from dataclasses import asdict, replace

import click

from purger.cli.options.database_url import database_url
from purger.cli.options.edge import require_usable, settings_options, warn_of_doubts
from purger.cli.options.values import as_json
from purger.edge.ask import ask_edge
from purger.edge.errors import DeliveryError
from purger.fleet.edges import ListedEdge, list_edges
from purger.fleet.presence import present
from purger.fleet.problems import remedy
from purger.model import Edge
from purger.text_format import end_of_trust
from takedown_base.json_output import print_json, utc_text
from takedown_base.printable import printable
from takedown_db.connection.command_connection import connected
from takedown_db.connection.lasting_connection import Connection

#: Seconds to wait for an edge: for a connection, and for its answer.
_PATIENCE = 5.0

_EXAMPLE = """\b
Example:
purger edge add paris --purge-url https://paris.internal:6443 --public-url https://paris.example.org \\
    --token-file /etc/purger/paris.token --ca-file /etc/purger/ca.pem \\
    --certificate-file /etc/purger/purger.crt --key-file /etc/purger/purger.key"""


_SET_EXAMPLES = """\b
Examples:
purger edge set paris --purge-url http://10.0.0.9:6090
purger edge set paris --ca-file ''"""


_unreachable = click.option(
    "--unreachable",
    is_flag=True,
    help="Do not ask it: it does not run yet, or only the purger's machine reaches it or has its files.",
)


@click.group()
def edge() -> None:
    """Add, change, enable, disable, list and remove edges. A running purger notices within a second."""


@edge.command(epilog=_EXAMPLE)
@click.argument("name")
@settings_options(required=True)
@_unreachable
@database_url
def add(name: str, unreachable: bool, database_url: str, **settings: str) -> None:
    """Add the edge NAME. It is flushed first, and then gets its heartbeats.

    The edge is asked first, as the purger asks it. Nothing is added where it gives no acknowledgement, or is the edge
    that another name has.
    """
    if not re.fullmatch(r"[A-Za-z0-9_.-]{1,64}", name):
        raise click.UsageError("an edge's name is 1 to 64 of A-Z a-z 0-9 _ . -")
    with connected(Connection, database_url) as connection:
        if _find(connection, name) is not None:
            raise click.ClickException(f"there is an edge {name} already: `purger edge set` changes it")
        new = Edge(name, **settings)
        require_usable(new)
        if not unreachable:
            _require_answer(connection, new, "added")
        added = _write(connection, "add_edge", new)
    click.echo(f"added edge {name}")
    warn_of_doubts(added)


@edge.command("set", epilog=_SET_EXAMPLES)
@click.argument("name")
@settings_options(required=False)
@_unreachable
@database_url
def set_(name: str, unreachable: bool, database_url: str, **settings: str | None) -> None:
    """Change the given settings of the edge NAME, and keep the others; '' removes one of the last three files.

    The edge keeps its progress and its cache: nothing is flushed as long as the same varnishd answers. It is asked
    first, as by `purger edge add`, unless only its public URL changes.
    """
    given = {key: value for key, value in settings.items() if value is not None}
    if not given:
        raise click.UsageError("nothing to change: see `purger edge set --help`")
    with connected(Connection, database_url) as connection:
        new = replace(_require(connection, name).settings, **given)
        require_usable(new)
        if not unreachable and given.keys() != {"public_url"}:
            _require_answer(connection, new, "changed")
        changed = _write(connection, "set_edge", new)
    click.echo(f"changed edge {name}")
    warn_of_doubts(changed)


@edge.command(epilog="\b\nExample:\npurger edge enable paris")
@click.argument("name")
@database_url
def enable(name: str, database_url: str) -> None:
    """Enable the edge NAME again. It gets the purges that it missed, or a flush where the outbox no longer has them."""
    _switch(database_url, name, on=True)
    click.echo(f"enabled edge {name}")


@edge.command(epilog="\b\nExample:\npurger edge disable paris")
@click.argument("name")
@database_url
def disable(name: str, database_url: str) -> None:
    """Disable the edge NAME for now. It gets no heartbeats, so it stops trusting its cache within the lease."""
    left = _switch(database_url, name, on=False)
    click.echo(f"disabled edge {name}{_shows_until(left)}")


def _switch(url: str, name: str, *, on: bool) -> ListedEdge:
    with connected(Connection, url) as connection:
        listed = _require(connection, name)
        connection.run("enable_edge", name=name, enabled=on)
        return listed


def _shows_until(edge: ListedEdge) -> str:
    """Say until when an edge that gets nothing any more may show an image that is banned from now on."""
    if edge.trust_ends_by is None:
        return ""
    return f": it {end_of_trust(edge.trust_ends_by)}; until then it may show what is banned meanwhile"


def _require_answer(connection: Connection, edge: Edge, done: str) -> None:
    """Ask the edge who it is. Raises ``click.ClickException``, which says that nothing was ``done``."""
    try:
        instance = ask_edge(edge, connect_timeout=_PATIENCE, read_timeout=_PATIENCE).answer.instance
    except DeliveryError as error:
        raise click.ClickException(
            f"nothing was {done}: edge {edge.name} is {error.kind}: {error} -> {remedy(error.kind)}. With "
            f"--unreachable it is {done} without being asked"
        ) from None
    for other in list_edges(connection):
        if other.instance == instance and other.name != edge.name:
            raise click.ClickException(
                f"nothing was {done}: {printable(edge.purge_url)} leads to the edge {printable(other.name)} (varnishd "
                f"{printable(instance)}): give the purge URL of edge {edge.name}"
            )


def _find(connection: Connection, name: str) -> ListedEdge | None:
    return next((edge for edge in list_edges(connection) if edge.name == name), None)


def _require(connection: Connection, name: str) -> ListedEdge:
    found = _find(connection, name)
    if found is None:
        raise click.ClickException(f"there is no edge {name}")
    return found


def _write(connection: Connection, statement: str, settings: Edge) -> Edge:
    """Write the settings of an edge, an empty one as NULL."""
    require_usable(settings)
    written = replace(
        settings,
        ca_file=settings.ca_file or None,
        certificate_file=settings.certificate_file or None,
        key_file=settings.key_file or None,
    )
    connection.run(statement, **asdict(written))
    return written


@edge.command("list", epilog="\b\nExamples:\npurger edge list\npurger edge list --json")
@as_json
@database_url
def list_(as_json: bool, database_url: str) -> None:
    """List all edges as the database knows them. `purger status` asks the edges themselves."""
    with connected(Connection, database_url) as connection:
        edges = list_edges(connection)
        purgers = {purger.id: purger.name for purger in present(connection) if purger.alive}
    if as_json:
        print_json(edges)
        return
    for one in edges:
        click.echo("\n".join(_lines(one, purgers.get(one.purger or ""))))


def _lines(one: ListedEdge, purger: str | None) -> Iterator[str]:
    """Describe an edge, and the ``purger`` that follows it, with a line of its own for each value that may be long."""
    enabled = "enabled" if one.enabled else "disabled"
    answered = utc_text(one.seen_at) or "never"
    yield f"{printable(one.name)}: {enabled}, acknowledged batch {one.acknowledged}, last answer {answered}"
    labels = {
        "purge": one.purge_url,
        "public": one.public_url,
        "token": one.token_file,
        "authority": one.ca_file,
        "certificate": one.certificate_file,
        "key": one.key_file,
        "purger": purger,
        "problem": one.problem,
    }
    for label, value in labels.items():
        if value:
            yield f"    {label:<12} {printable(value)}"


@edge.command(epilog="\b\nExample:\npurger edge remove paris")
@click.argument("name")
@database_url
def remove(name: str, database_url: str) -> None:
    """Remove the edge NAME. It gets no more heartbeats, so it stops trusting its cache. Its receipts stay."""
    with connected(Connection, database_url) as connection:
        left = _require(connection, name)
        connection.run("remove_edge", name=name)
    click.echo(f"removed edge {name}{_shows_until(left)}")
