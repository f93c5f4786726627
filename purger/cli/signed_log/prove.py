"""`purger prove`: writes a file that proves the bans on an image, an owner or a digest."""

import sys
from pathlib import Path

import click

from purger.cli.options.database_url import database_url
from purger.cli.options.subject import GivenSubject, SubjectCommand, subject_options
from purger.exit_codes import ExitCode
from purger.signed_log.audit.prove import NothingToProveError, Wanted, latest_key
from purger.signed_log.audit.prove import prove as make_proof
from purger.signed_log.keys import UnusableKeyError, read_key
from takedown_base.printable import printable
from takedown_db.connection.command_connection import connected
from takedown_db.connection.lasting_connection import Connection
from takedown_log.check import check_file

_EXAMPLES = """\b
Examples:
purger prove abc123 -o abc123.proof
purger prove --owner alice -o alice.proof
purger prove --ban 4711 -o ban-4711.proof --page ban-4711.html"""


@click.command(cls=SubjectCommand, epilog=_EXAMPLES)
@subject_options
@click.option(
    *("--ban", "ban_id"),
    type=click.IntRange(1, 2**64 - 1),
    metavar="ID",
    help="Prove only this ban, by the id that `purger ban` and `purger bans` print, and none of the others on its "
    "subject.",
)
@click.option(
    *("-o", "--output"), type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file to write."
)
@click.option(
    "--page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page in HTML to print as well, as `purger verify --page` makes it from the file.",
)
@click.option(
    "--checkpoint",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="Prove from the state of the log that the checkpoint in this file has, with its witnesses, instead of "
    "the last state: for somebody who holds this checkpoint.",
)
@click.option(
    "--log-key-file",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="PURGER_LOG_KEY_FILE",
    show_envvar=True,
    required=True,
    help="The key that signs the log, of `purger key`.",
)
@database_url
def prove(
    given: GivenSubject,
    ban_id: int | None,
    output: Path,
    page: Path | None,
    checkpoint: Path | None,
    log_key_file: Path,
    database_url: str,
) -> None:
    """Write a file that proves the bans on CODE: who ordered them, which edges acknowledged, and who saw it gone.

    `purger verify` checks the file without the database. It has everything that the log has on the subject, reasons and
    names included: read it before you hand it out.
    """
    if given and ban_id is not None:
        raise click.UsageError("give a subject or --ban, and not both")
    try:
        signer = read_key(log_key_file).signer
        held = checkpoint.read_text(encoding="utf-8") if checkpoint else None
        with connected(Connection, database_url) as connection:
            wanted = Wanted.of_subject(*given.find(connection)) if ban_id is None else Wanted.of_ban(ban_id)
            proof = make_proof(connection, wanted, signer, held)
    except (NothingToProveError, UnusableKeyError, UnicodeDecodeError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(ExitCode.FAILED)
    public = latest_key(proof)
    try:
        output.write_text(proof.text(), encoding="utf-8")
        if page:
            check_file(output, str(public), page=page)
    except OSError as error:
        raise click.ClickException(f"{printable(error.filename)}: {error.strerror}") from None
    click.echo(f"{output}: {len(proof.leaves)} leaves. Check it with `purger verify {output} --key {public}`")
