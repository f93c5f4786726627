"""`purger wait`: waits until every edge has acknowledged the changes that are committed."""

import sys

import click

from purger.acknowledgement_wait import EdgeAcknowledgement, Target, wait_acknowledged
from purger.cli.options import WaitSeconds, moderation_url
from purger.cli.remark import remark
from purger.cli.subject_arguments import SubjectCommand, owner_option, read_subject
from purger.delivery_readiness import DeliveryReadiness, read_delivery_readiness
from purger.exit_codes import ExitCode
from takedown_db.command_connection import connected
from takedown_db.lasting_connection import Connection
from takedown_db.printable import printable

_EXAMPLES = """\b
Examples:
purger wait 30                  (every change that is committed by now)
purger wait kX3_vQ 10           (every change of this image, bans of its owner too)
purger wait --owner anna 10
purger wait --ban 4711 10"""


@click.command(cls=SubjectCommand, epilog=_EXAMPLES)
@click.argument("words", nargs=-1, required=True, metavar="[CODE] SECONDS")
@owner_option
@click.option(
    "--ban",
    type=click.IntRange(1, 2**64 - 1),
    metavar="ID",
    help="The ban with this id, which `purger ban` printed, and its lift, in the place of one code.",
)
@moderation_url
def wait(words: tuple[str, ...], owner: str | None, ban: int | None, moderation_url: str) -> None:
    """Wait until every enabled edge has acknowledged the changes that are committed, SECONDS at most.

    Exit code 3 says that an edge, which is named, has not, or that no trigger put a ban into the outbox. 1 says that
    the database cannot be used.
    """
    if len(words) > 2:
        raise click.UsageError("give a code, if any, and then the seconds")
    code = words[0] if len(words) == 2 else None
    seconds = _seconds(words[-1], alone=len(words) == 1)
    with connected(Connection, moderation_url) as connection:
        done = await_edges(connection, _target(code, owner, ban), seconds)
    if not done:
        sys.exit(ExitCode.ATTENTION)


def _seconds(word: str, *, alone: bool) -> float:
    try:
        float(word)
    except ValueError:
        if alone:
            raise click.UsageError(f"SECONDS are missing: '{printable(word)}' is no number; they come last") from None
    return WaitSeconds().convert(word, None, None)


def _target(code: str | None, owner: str | None, ban: int | None) -> Target:
    if sum(each is not None for each in (code, owner, ban)) > 1:
        raise click.UsageError("give one of CODE, --owner and --ban")
    if code is None and owner is None:
        return Target(ban=ban)
    scope, subject = read_subject(code, owner)
    return Target(scope=scope, subject=subject)


def await_edges(connection: Connection, target: Target, seconds: float) -> bool:
    """Wait for the target, ``seconds`` at most, and print a line for each edge. Returns whether all have acknowledged.

    Remarks on each obstacle to the delivery. Raises ``DatabaseUnavailableError``.
    """
    delivery = read_delivery_readiness(connection)
    obstacle = delivery.obstacle
    if obstacle and not wait_acknowledged(connection, target, delivery, 0).complete:
        remark(obstacle)
    result = wait_acknowledged(connection, target, delivery, seconds, _print)
    if result.unwritten:
        remark(f"an open ban of {target} is not in the outbox: no trigger put it there. {_remedy(delivery)}")
    elif not result.found:
        remark(f"nothing of {target} is in the outbox: it was pruned, or no trigger put it there (`purger status`)")
    for edge in result.edges if result.found else ():
        if not edge.acknowledged:
            _print(edge)
    return result.complete


def _remedy(delivery: DeliveryReadiness) -> str:
    if delivery.triggers.missing:
        return "Run `purger migrate`: each edge is then flushed"
    return "Ban it again"


def _print(edge: EdgeAcknowledgement) -> None:
    state = "acknowledged"
    if not edge.acknowledged:
        state = f"not acknowledged ({printable(edge.problem)})" if edge.problem else "not acknowledged"
    click.echo(f"edge {printable(edge.edge)}: {state}")
