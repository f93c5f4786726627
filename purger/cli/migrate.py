"""`purger migrate`: creates or updates the database schema."""

import click

from purger.cli.options.database_url import url_option
from takedown_db.schema import migrate as schema

_EXAMPLES = """\b
Example:
PURGER_ADMIN_URL_FILE=~/takedown-admin purger migrate"""


@click.command(epilog=_EXAMPLES)
@url_option("--database-url", "PURGER_ADMIN_URL", "an admin's account")
def migrate(database_url: str) -> None:
    """Create or update the schema, its triggers and accounts. Running it again is safe: it restores what is missing."""
    try:
        done = schema.migrate(database_url)
    except schema.MigrationError as error:
        raise click.ClickException(str(error)) from error
    for line in done or ["nothing to do: the schema is complete"]:
        click.echo(line)
