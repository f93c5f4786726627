"""`purger wait`: until every edge has acknowledged what was committed."""

import sys

import click

from purger.acknowledgement import DeliveryState, Reached, Target, hindrance, wait_acknowledged, who_delivers
from purger.cli.subject import ATTENTION, Seconds, SubjectCommand, moderation_url, owner_option, remark, subject
from takedown_db.command import connected
from takedown_db.connection import Connection
from takedown_db.printable import printable

_EXAMPLES = """\b
Examples:
purger wait 30                  (all that is committed by now)
purger wait kX3_vQ 10           (what concerns this image, bans of its owner too)
purger wait --owner anna 10
purger wait --ban 4711 10"""


@click.command(cls=SubjectCommand, epilog=_EXAMPLES)
@click.argument("words", nargs=-1, required=True, metavar="[CODE] SECONDS")
@owner_option
@click.option("--ban", type=click.IntRange(1, 2**64 - 1), metavar="ID", help="This ban, and its lift.")
@moderation_url
def wait(words: tuple[str, ...], owner: str | None, ban: int | None, moderation_url: str) -> None:
    """Wait until every enabled edge has acknowledged what is committed, SECONDS at most.

    Exit code 3 says that an edge has not, and each edge is named; or that no trigger put a ban into the outbox. 1 says
    that the database cannot be used.
    """
    if len(words) > 2:
        raise click.UsageError("give a code, if any, and then the seconds")
    code = words[0] if len(words) == 2 else None
    seconds = _seconds(words[-1], alone=len(words) == 1)
    with connected(Connection, moderation_url) as connection:
        done = await_edges(connection, _target(code, owner, ban), seconds)
    if not done:
        sys.exit(ATTENTION)


def _seconds(word: str, *, alone: bool) -> float:
    try:
        float(word)
    except ValueError:
        if alone:
            raise click.UsageError(f"SECONDS are missing: '{printable(word)}' is no number; they come last") from None
    return Seconds().convert(word, None, None)


def _target(code: str | None, owner: str | None, ban: int | None) -> Target:
    if sum(each is not None for each in (code, owner, ban)) > 1:
        raise click.UsageError("give one of CODE, --owner and --ban")
    if code is None and owner is None:
        return Target(ban=ban)
    scope, key = subject(code, owner)
    return Target(scope=scope, subject=key)


def await_edges(connection: Connection, target: Target, seconds: float) -> bool:
    """Wait, print a line for each edge, and tell whether all have acknowledged; remarks say what keeps them from it.

    Raises ``DatabaseUnavailableError``.
    """
    delivery = who_delivers(connection)
    reason = hindrance(delivery)
    if reason and not wait_acknowledged(connection, target, delivery, 0).complete:
        remark(reason)
    outcome = wait_acknowledged(connection, target, delivery, seconds, _print)
    if outcome.unwritten:
        remark(f"an open ban of {target} is not in the outbox: no trigger put it there. {_cure(delivery)}")
    elif not outcome.found:
        remark(f"nothing of {target} is in the outbox: it is long past, or no trigger put it there (`purger status`)")
    for edge in outcome.edges if outcome.found else ():
        if not edge.acknowledged:
            _print(edge)
    return outcome.complete


def _cure(delivery: DeliveryState) -> str:
    if delivery.triggers.missing:
        return "Run `purger migrate`: each edge is then flushed"
    return "Ban it again"


def _print(edge: Reached) -> None:
    state = "acknowledged"
    if not edge.acknowledged:
        state = f"not acknowledged ({printable(edge.problem)})" if edge.problem else "not acknowledged"
    click.echo(f"edge {printable(edge.edge)}: {state}")
