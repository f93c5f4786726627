"""`purger redate`: dates the changes anew that were numbered while the database's clock was ahead."""

import click

from purger.cli.options.database_url import database_url
from purger.fleet.problems import CLOCKS_DIFFER
from purger.fleet.status import clocks
from purger.text_format import counted, duration
from takedown_db.connection.command_connection import connected
from takedown_db.connection.lasting_connection import Connection, fetch

_EXAMPLES = """\b
Example:
purger redate"""


@click.command(epilog=_EXAMPLES)
@database_url
def redate(database_url: str) -> None:
    """Date the changes anew that were numbered while the database's clock was ahead, once it is right again.

    Dates of changes never go back by themselves: after such a time every changed image would have no Last-Modified
    until the clock has caught up. This purges the images again whose changes have a date of the future, and that purge
    has a true date. Receipts and the signed log keep what they recorded. Nothing is done while the clocks of this
    machine and of the database differ.
    """
    with connected(Connection, database_url) as connection:
        ahead, lead = clocks(connection)
        if abs(lead) > CLOCKS_DIFFER:
            raise click.ClickException(
                f"this machine's clock is {duration(abs(lead))} {'ahead of' if lead > 0 else 'behind'} the database's: "
                "set the wrong one right first. Nothing was changed"
            )
        if ahead <= 0:
            click.echo("nothing to do: no change has a date of the future")
            return
        with connection.cursor() as cursor:
            ((size,), *_) = fetch(cursor, "redate_changes")
    click.echo(
        f"dates go on from now, no longer from {duration(ahead)} ahead; {counted(size, 'changed subject')} purged again"
    )
