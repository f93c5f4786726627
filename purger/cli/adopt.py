"""`purger adopt`: lets the server of the database URL speak for the database."""

import click

from purger.cli.options import database_url
from purger.cli.subject import text, user
from purger.health import counted
from takedown_db.adoption import AdoptionPlan, adopt_server, plan_adoption
from takedown_db.command import connected
from takedown_db.connection import Connection
from takedown_db.json_output import utc_text
from takedown_db.printable import printable

_EXAMPLES = """\b
Examples:
purger adopt                            (after a failover, on the new primary)
purger adopt --by failover-script"""


@click.command(epilog=_EXAMPLES)
@click.option("--by", callback=text, help="Who adopts; for the record.  [default: the user who is logged in]")
@database_url
def adopt(by: str | None, database_url: str) -> None:
    """Let the server that the URL leads to speak for the database, in the place of the one that did so far.

    For a failover, once the former primary is fenced and this one is promoted, and for a server that was moved or
    renamed. Not for a copy: its table `edges` names the edges of the original, and a purger would vouch for them. A
    purger that runs takes it up within half a second. A read-only server is refused.
    """
    with connected(Connection, database_url) as connection:
        found = plan_adoption(connection)
        click.echo("\n".join(_shown(found)))
        if found.adopted:
            click.echo("nothing to do: this server speaks for the database already")
            return
        adopt_server(connection, (by or user())[:255])
        click.echo("adopted: from now on this server speaks for the database")


def _shown(found: AdoptionPlan) -> list[str]:
    former = "none"
    if found.adoption is not None:
        since = f"since {utc_text(found.adoption.adopted_at)}, by {printable(found.adoption.adopted_by) or 'unknown'}"
        former = f"{printable(found.adoption.server)} ({since})"
    edges = [f"  {printable(name)}  {printable(url)}" for name, url in found.edges]
    return [
        f"adopted so far: {former}",
        f"this server: {found.server}",
        f"last batch: {found.last_batch}",
        f"it would speak to {counted(len(edges), 'edge')}" + (":" if edges else ""),
        *edges,
    ]
