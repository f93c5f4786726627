"""`purger prove`: writes a file that proves the bans on an image, an owner or a digest."""

import sys
from pathlib import Path

import click

from purger.cli.options import database_url
from purger.cli.subject_arguments import GivenSubject
from purger.exit_codes import ExitCode
from purger.signed_log.key_file import UnusableKeyError, read_key
from purger.signed_log.prover import NothingToProveError
from purger.signed_log.prover import prove as make_proof
from takedown_db.command_connection import connected
from takedown_db.lasting_connection import Connection

_EXAMPLES = """\b
Examples:
purger prove abc123 -o abc123.proof
purger prove --owner alice -o alice.proof"""


@click.command(epilog=_EXAMPLES)
@click.argument("code", required=False)
@click.option("--owner", metavar="KEY", help="Prove the bans on this owner, in the place of a code.")
@click.option("--digest", metavar="SHA256", help="Prove the bans by content on this original, in the place of a code.")
@click.option(
    *("-o", "--output"), type=click.Path(path_type=Path, dir_okay=False), required=True, help="The file to write."
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
    code: str | None, owner: str | None, digest: str | None, output: Path, log_key_file: Path, database_url: str
) -> None:
    """Write a file that proves the bans on CODE: who ordered them, which edges acknowledged, and who saw it gone.

    `purger verify` checks the file without the database. It tells all that the log has of the subject, with reasons and
    names: look through it before you hand it out.
    """
    if sum(each is not None for each in (code, owner, digest)) != 1:
        raise click.UsageError("give one of CODE, --owner and --digest, and only one")
    subject = GivenSubject(code, owner, digest, file=None, same_as=None).read()
    try:
        signer = read_key(log_key_file)
        with connected(Connection, database_url) as connection:
            proof = make_proof(connection, *subject, signer)
    except (NothingToProveError, UnusableKeyError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(ExitCode.FAILED)
    output.write_text(proof.text(), encoding="utf-8")
    click.echo(
        f"{output}: {len(proof.leaves)} leaves. Check it with `purger verify {output} --key {signer.verifier()}`"
    )
