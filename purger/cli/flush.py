"""`purger flush`: has edges emptied."""

import sys

import click

from purger.cli.options import database_url
from purger.cli.subject import ATTENTION, Seconds, remark, text, user
from purger.flush_requests import Asked, UnknownEdgesError, ask, wait_flushed
from purger.presence import present
from takedown_db.command import connected
from takedown_db.connection import Connection
from takedown_db.printable import printable

_EXAMPLES = """\b
Examples:
purger flush paris
purger flush --all --wait 60"""


@click.command(epilog=_EXAMPLES)
@click.argument("edges", nargs=-1, metavar="[EDGE]...")
@click.option("--all", "every", is_flag=True, help="Every edge.")
@click.option("--by", callback=text, help="Who asks; for the purger's log.  [default: the user who is logged in]")
@click.option(
    "--wait",
    type=Seconds(),
    metavar="SECONDS",
    help="Wait until every enabled edge is flushed.  [default: return at once]",
)
@database_url
def flush(edges: tuple[str, ...], every: bool, by: str | None, wait: float | None, database_url: str) -> None:
    """Have the purger empty the cache of each EDGE: all images are fetched anew, from the origin as it is now.

    For changes that no row tells of: another special image, another --banned-status or --header of the origin. The
    request is kept in the database. An edge that is away or disabled is flushed when it is back. Exit code 3 says that
    no purger is alive, or with --wait that an edge is not flushed yet: it is named.
    """
    if bool(edges) == every:
        raise click.UsageError("give either names of edges or --all")
    with connected(Connection, database_url) as connection:
        try:
            requests = ask(connection, None if every else edges, (by or user())[:255])
        except UnknownEdgesError as error:
            raise click.ClickException(f"nothing is flushed: there is no edge {printable(error)}") from error
        if not requests:
            raise click.ClickException("there are no edges: `purger edge add` makes a Varnish known")
        done = _alive(connection)
        if wait is None:
            click.echo("\n".join(f"edge {printable(name)}: asked for" for name in requests))
        else:
            found = wait_flushed(
                connection, requests, wait, lambda name: click.echo(f"edge {printable(name)}: flushed")
            )
            done = _tell(found, every=every)
    if not done:
        sys.exit(ATTENTION)


def _alive(connection: Connection) -> bool:
    alive = any(purger.alive for purger in present(connection))
    if not alive:
        remark("no purger is alive, so nothing is flushed yet: start `purger run` (`purger status` tells more)")
    return alive


def _tell(edges: list[Asked], *, every: bool) -> bool:
    """Print what is not flushed, and tell whether that is all right: of all edges, a disabled one may wait."""
    for edge in edges:
        if not edge.enabled and not edge.done:
            click.echo(f"edge {printable(edge.edge)}: disabled; it is flushed when it is enabled")
        elif not edge.done:
            problem = f" ({printable(edge.problem)})" if edge.problem else ""
            click.echo(f"edge {printable(edge.edge)}: not flushed{problem}")
    return all(edge.done or (every and not edge.enabled) for edge in edges)
