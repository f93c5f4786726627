"""`purger adopt`: makes the server of the database URL the only one on which purgers act, as after a failover."""

import click

from purger.cli.options.database_url import database_url
from purger.cli.options.values import logged_in_user, utf8_text
from purger.text_format import counted
from takedown_base.json_output import utc_text
from takedown_base.printable import printable
from takedown_db.connection.adoption import AdoptionPlan, adopt_server, plan_adoption
from takedown_db.connection.command_connection import connected
from takedown_db.connection.lasting_connection import Connection

_EXAMPLES = """\b
Examples:
purger adopt                            (after a failover, on the new primary)
purger adopt --by failover-script"""

#: The width in characters of the column that keeps the name.
_LONGEST_NAME = 255


@click.command(epilog=_EXAMPLES)
@click.option(
    "--by",
    callback=utf8_text,
    help="Who adopts; the database records it, for whoever asks later why edges follow this server.  "
    "[default: the user who is logged in]",
)
@database_url
def adopt(by: str | None, database_url: str) -> None:
    """Adopt the server of the database URL: from now on purgers act only on it, and no longer on the former one.

    For a failover, once the former primary is fenced and this one is promoted, and for a server that was moved or
    renamed. Not for a copy: its table `edges` names the edges of the original, and a purger on the copy would send them
    heartbeats. A running purger follows within half a second. A read-only server is refused.
    """
    with connected(Connection, database_url) as connection:
        plan = plan_adoption(connection)
        click.echo("\n".join(_lines(plan)))
        if plan.adopted:
            click.echo("nothing to do: this server was adopted before")
            return
        adopt_server(connection, (by or logged_in_user())[:_LONGEST_NAME])
        click.echo("adopted: from now on purgers act only on this server")


def _lines(plan: AdoptionPlan) -> list[str]:
    """Write the state before the adoption, with the edges that would follow this server."""
    former = "none"
    if plan.adoption is not None:
        since = f"since {utc_text(plan.adoption.adopted_at)}, by {printable(plan.adoption.adopted_by) or 'unknown'}"
        former = f"{printable(plan.adoption.server)} ({since})"
    edges = [f"  {printable(name)}  {printable(url)}" for name, url in plan.edges]
    return [
        f"adopted so far: {former}",
        f"this server: {plan.server}",
        f"last batch: {plan.last_batch}",
        f"its purgers would send to {counted(len(edges), 'edge')}" + (":" if edges else ""),
        *edges,
    ]
