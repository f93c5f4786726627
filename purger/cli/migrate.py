"""`purger migrate`: creates or updates the database schema."""

from pathlib import Path

import click

from purger.cli.options.database_url import url_option
from takedown_db.schema import migrate as schema
from takedown_db.schema.account_files import AccountFilesError, open_accounts

_EXAMPLES = """\b
Examples:
PURGER_ADMIN_URL_FILE=~/takedown-admin purger migrate
purger migrate --accounts /etc/takedown --database-url 'mysql://root@localhost/takedown?unix_socket=/run/mysqld/mysqld.sock'"""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--accounts",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Give each account that is still locked a password, and write its URL to DIR/NAME.url, for root only; and to"
    " DIR/env the variables that name these files.",
)
@url_option("--database-url", "PURGER_ADMIN_URL", "an admin's account")
def migrate(accounts: Path | None, database_url: str) -> None:
    """Create or update the schema, its triggers and accounts. Running it again is safe: it restores what is missing."""
    try:
        done = schema.migrate(database_url)
        if accounts is not None:
            done += open_accounts(database_url, accounts)
    except (schema.MigrationError, AccountFilesError) as error:
        raise click.ClickException(str(error)) from error
    for line in done or ["nothing to do: the schema is complete"]:
        click.echo(line)
