"""`purger wait`: waits until every edge has acknowledged the changes that are committed."""

import sys

import click

from purger.cli.moderation.delivery import await_edges
from purger.cli.options.database_url import moderation_url
from purger.cli.options.subject import GivenSubject, SubjectCommand, options_in_place_of_code
from purger.cli.options.values import WaitSeconds
from purger.exit_codes import ExitCode
from purger.moderation.acknowledgement_wait import Target
from takedown_base.printable import printable
from takedown_db.connection.command_connection import connected
from takedown_db.connection.lasting_connection import Connection

_EXAMPLES = """\b
Examples:
purger wait 30                  (every change that is committed by now)
purger wait kX3_vQ 10           (every change of this image, bans of its owner too)
purger wait --owner anna 10
purger wait --same-as kX3_vQ 10 (every change of the bytes that this image shows)
purger wait --ban 4711 10"""


@click.command(cls=SubjectCommand, epilog=_EXAMPLES)
@click.argument("words", nargs=-1, required=True, metavar="[CODE] SECONDS")
@options_in_place_of_code
@click.option(
    "--ban",
    type=click.IntRange(1, 2**64 - 1),
    metavar="ID",
    help="The ban with this id, which `purger ban` printed, and its lift, instead of one code.",
)
@moderation_url
def wait(given: GivenSubject, words: tuple[str, ...], ban: int | None, moderation_url: str) -> None:
    """Wait until every enabled edge has acknowledged the changes that are committed, SECONDS at most.

    Exit code 3 says that an edge, which is named, has not acknowledged them in time, or that no trigger put a ban into
    the outbox. 1 says that the database cannot be used.
    """
    if len(words) > 2:
        raise click.UsageError("give a code, if any, and then the seconds")
    given = given.with_code(words[0] if len(words) == 2 else None)
    seconds = _seconds(words[-1], only_word=len(words) == 1)
    if ban is not None and given:
        raise click.UsageError("give a subject or --ban, and not both")
    with connected(Connection, moderation_url) as connection:
        target = Target(ban=ban)
        if given:
            scope, key = given.find(connection)
            target = Target(scope=scope, subject=key)
        done = await_edges(connection, target, seconds).complete
    if not done:
        sys.exit(ExitCode.ATTENTION)


def _seconds(word: str, *, only_word: bool) -> float:
    try:
        float(word)
    except ValueError:
        if only_word:
            raise click.UsageError(f"SECONDS are missing: '{printable(word)}' is no number; they come last") from None
    return WaitSeconds().convert(word, None, None)
