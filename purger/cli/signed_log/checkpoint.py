"""`purger checkpoint`: prints the log's signed state, or proves that it has only grown since an earlier one."""

import sys
from pathlib import Path

import click

from purger.cli.options.database_url import database_url
from purger.exit_codes import ExitCode
from purger.signed_log.checkpoints import NoStateError, prove_growth, read_state
from takedown_base.printable import printable
from takedown_db.connection.command_connection import connected
from takedown_db.connection.lasting_connection import Connection

_EXAMPLES = """\b
Examples:
purger checkpoint
purger checkpoint -o /srv/www/takedowns.checkpoint
purger checkpoint --since held.checkpoint -o growth"""


@click.command(epilog=_EXAMPLES)
@click.option(
    "--since",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Prove that the log has only grown since the checkpoint in this file: no leaf before it was changed.",
)
@click.option(
    *("-o", "--output"),
    type=click.Path(path_type=Path, dir_okay=False),
    help="The file to write. It is replaced as a whole, so that a web server can offer it.  [default: stdout]",
)
@database_url
def checkpoint(since: Path | None, output: Path | None, database_url: str) -> None:
    """Print the log's last checkpoint: its name, the number of its leaves, the root over them, and the signature.

    Publish it where you cannot take it back. Whoever holds one can have it compared with the log at any later time:
    with --since this command writes the proof, and `purger verify` checks it.

    Exit code 1: the log did not grow out of the checkpoint; it was rewritten, or its database went back.
    """
    try:
        held = since.read_text(encoding="utf-8") if since else None
        with connected(Connection, database_url) as connection:
            text = read_state(connection).note if held is None else prove_growth(connection, held).text()
    except (NoStateError, UnicodeDecodeError) as error:
        click.echo(f"Error: {printable(str(error))}", err=True)
        sys.exit(ExitCode.FAILED)
    if output is None:
        click.echo(text, nl=False)
        return
    unfinished = output.with_name(f"{output.name}.new")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(output)
    except OSError as error:
        raise click.ClickException(f"{printable(error.filename)}: {error.strerror}") from None
