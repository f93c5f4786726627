"""`purger flush`: has the running purger empty the caches of edges, or purge one image at all of them."""

import sys

import click

from purger.cli.moderation.delivery import deliver
from purger.cli.options.database_url import database_url
from purger.cli.options.subject import GivenSubject
from purger.cli.options.values import WaitSeconds, logged_in_user, remark, utf8_text
from purger.exit_codes import ExitCode
from purger.fleet.flush_requests import FlushState, UnknownEdgesError, request_flushes, wait_flushed
from purger.fleet.presence import present
from purger.moderation.acknowledgement_wait import Target
from purger.moderation.questions import are_known
from takedown_base.printable import printable
from takedown_db.connection.command_connection import connected
from takedown_db.connection.lasting_connection import Connection

_EXAMPLES = """\b
Examples:
purger flush paris
purger flush --all --wait 60
purger flush --image kX3_vQ --wait 10"""

#: The width in characters of the column `edges.flush_asked_by`.
_LONGEST_NAME = 255


@click.command(epilog=_EXAMPLES)
@click.argument("edges", nargs=-1, metavar="[EDGE]...")
@click.option("--all", "every", is_flag=True, help="Flush every edge, disabled ones once they are enabled.")
@click.option(
    "--image",
    metavar="CODE",
    help="Purge only this image, at every edge, by its code, or a name or URL of the site. Nothing is banned.",
)
@click.option(
    "--by",
    callback=utf8_text,
    help="Who asks; the purger logs it with the flush, since every image is fetched anew.  "
    "[default: the user who is logged in]",
)
@click.option(
    "--wait",
    type=WaitSeconds(),
    metavar="SECONDS",
    help="Wait until every enabled edge is flushed, or has purged the image, SECONDS at most, and say so by "
    "the exit code.  [default: return at once]",
)
@database_url
def flush(
    edges: tuple[str, ...], every: bool, image: str | None, by: str | None, wait: float | None, database_url: str
) -> None:
    """Have the purger empty the cache of each EDGE: every image is fetched anew, from the origin as it is now.

    For changes that no row shows: another special image, another --banned-status or --header of the origin. The
    database keeps the request until the edge is flushed, also for an edge that is away or disabled. Exit code 3 says
    that no purger is alive, or with --wait that an edge, which is named, is not flushed yet.
    """
    if bool(edges) + every + (image is not None) != 1:
        raise click.UsageError("give names of edges, or --all, or --image, and only one of these")
    if image is not None and by is not None:
        raise click.UsageError("--by is for edges: no record names who had an image purged")
    with connected(Connection, database_url) as connection:
        if image is not None:
            done = _purge_image(connection, image, wait)
        else:
            done = _flush_edges(connection, None if every else edges, by or logged_in_user(), wait)
    if not done:
        sys.exit(ExitCode.ATTENTION)


def _purge_image(connection: Connection, image: str, wait: float | None) -> bool:
    """Have an image purged at all edges, and return whether nothing needs attention."""
    subject = GivenSubject(image, None, None, None, None).find(connection)
    if not are_known(connection, [subject])[0]:
        remark(f"{subject.no_image}, and it is purged all the same")
    connection.run("resend_image", code=subject.key)
    if wait is None:
        click.echo(f"{subject}: purge asked for")
    return deliver(connection, "the purge is committed", Target(scope=subject.scope, subject=subject.key), wait)


def _flush_edges(connection: Connection, names: tuple[str, ...] | None, by: str, wait: float | None) -> bool:
    """Have edges flushed, None: all, and return whether nothing needs attention."""
    requests = _request(connection, names, by)
    done = _is_purger_alive(connection)
    if wait is None:
        click.echo("\n".join(f"edge {printable(name)}: asked for" for name in requests))
        return done
    return _print_rest(wait_flushed(connection, requests, wait, _print_flushed), every=names is None)


def _request(connection: Connection, names: tuple[str, ...] | None, by: str) -> dict[str, int]:
    try:
        requests = request_flushes(connection, names, by[:_LONGEST_NAME])
    except UnknownEdgesError as error:
        raise click.ClickException(f"nothing is flushed: there is no edge {printable(error)}") from error
    if not requests:
        raise click.ClickException("there are no edges: `purger edge add` adds a Varnish")
    return requests


def _is_purger_alive(connection: Connection) -> bool:
    alive = any(purger.alive for purger in present(connection))
    if not alive:
        remark("no purger is alive, so nothing is flushed yet: start `purger run` (`purger status` says more)")
    return alive


def _print_flushed(name: str) -> None:
    click.echo(f"edge {printable(name)}: flushed")


def _print_rest(states: list[FlushState], *, every: bool) -> bool:
    """Print a line for each edge that is not flushed, and return whether no edge needs attention.

    With ``every`` a disabled edge needs no attention: it was not named.
    """
    for state in states:
        if not state.enabled and not state.done:
            click.echo(f"edge {printable(state.edge)}: disabled; it is flushed when it is enabled")
        elif not state.done:
            problem = f" ({printable(state.problem)})" if state.problem else ""
            click.echo(f"edge {printable(state.edge)}: not flushed{problem}")
    return all(state.done or (every and not state.enabled) for state in states)
