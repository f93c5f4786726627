"""`purger redact`: takes personal data of one subject out of the signed log."""

import click

from purger.cli.options.database_url import url_option
from purger.cli.options.subject import GivenSubject, SubjectCommand, subject_options
from purger.signed_log.redaction import PERSONAL, SUBJECT
from purger.signed_log.redaction import redact as redact_leaves
from purger.text_format import counted
from takedown_db.connection.command_connection import connected
from takedown_db.connection.lasting_connection import Connection

_EXAMPLES = """\b
Examples:
purger redact kX3_vQ
purger redact --owner alice --subject-too --yes"""


@click.command(cls=SubjectCommand, epilog=_EXAMPLES)
@subject_options
@click.option(
    "--subject-too",
    is_flag=True,
    help="Erase the subject as well, the codes that probes asked for, and the hashes of its batches: no proof of it "
    "can be made any more.",
)
@click.option("--yes", is_flag=True, help="Do not ask: it cannot be undone.")
@url_option("--admin-url", "PURGER_ADMIN_URL", "an account that may do everything")
def redact(given: GivenSubject, subject_too: bool, yes: bool, admin_url: str) -> None:
    """Erase who acted on CODE, why, and for whom, from the signed log. The tree and earlier proofs stay valid.

    The leaves keep salted hashes of these values, which reveal nothing without the salts, and these are erased too. The
    erasure itself is in the log, so that `purger audit --log` does not take it for an alteration. The rows of the
    tables `bans` and `moderation_log` are not touched.
    """
    with connected(Connection, admin_url) as connection:
        subject = given.find(connection)
        if not yes:
            click.confirm(f"Erase names and reasons of {subject} from the log for ever?", abort=True)
        leaves = redact_leaves(connection, *subject, PERSONAL | SUBJECT if subject_too else PERSONAL)
    click.echo(f"erased values of {counted(leaves, 'leaf', 'leaves')} of {subject}")
