"""Tells people at the end of `purger ban`, `lift` and `wait` whether the edges have the change, or why not yet."""

from collections.abc import Callable

import click

from purger.cli.options.values import remark
from purger.moderation.acknowledgement_wait import EdgeAcknowledgement, Target, WaitResult, wait_acknowledged
from purger.moderation.delivery_readiness import DeliveryReadiness, read_delivery_readiness
from takedown_base.printable import printable
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection


def await_edges(
    connection: Connection,
    target: Target,
    seconds: float,
    tell: Callable[[EdgeAcknowledgement], None] | None = None,
) -> WaitResult:
    """Wait for the target, ``seconds`` at most, and ``tell`` the state of each edge, by default in a line on stdout.

    Remarks on each obstacle to the delivery. Raises ``DatabaseUnavailableError``.
    """
    tell = tell or _print
    delivery = read_delivery_readiness(connection)
    obstacle = delivery.obstacle
    if obstacle and not wait_acknowledged(connection, target, delivery, 0).complete:
        remark(obstacle)
    result = wait_acknowledged(connection, target, delivery, seconds, tell)
    if result.unwritten:
        remark(f"an open ban of {target} is not in the outbox: no trigger put it there. {_remedy(delivery)}")
    elif not result.found:
        remark(f"nothing of {target} is in the outbox: it was pruned, or no trigger put it there (`purger status`)")
    for edge in result.edges if result.found else ():
        if not edge.acknowledged:
            tell(edge)
    return result


def _remedy(delivery: DeliveryReadiness) -> str:
    if delivery.triggers.missing:
        return "Run `purger migrate`: each edge is then flushed"
    return "Ban it again"


def _print(edge: EdgeAcknowledgement) -> None:
    state = "acknowledged"
    if not edge.acknowledged:
        state = f"not acknowledged ({printable(edge.problem)})" if edge.problem else "not acknowledged"
    click.echo(f"edge {printable(edge.edge)}: {state}")


def is_acknowledged(
    connection: Connection,
    change: str,
    target: Target,
    seconds: float,
    tell: Callable[[EdgeAcknowledgement], None] | None = None,
) -> bool:
    """Wait for the edges, ``seconds`` at most. The change remains if the database goes away.

    ``change`` and ``tell`` are as in ``remark_undelivered`` and ``await_edges``.
    """
    try:
        return await_edges(connection, target, seconds, tell).complete
    except DatabaseUnavailableError as error:
        remark(f"{change}, but whether edges have acknowledged it is not known: {printable(error)}")
        return False


def remark_undelivered(connection: Connection, change: str, ban_id: int | None = None) -> bool:
    """Remark on what hinders the delivery of a change, if anything does, and return whether something does.

    ``change`` is a sentence such as ``the ban is committed``. With the id of a ban, its purge has to be, or have been,
    in the outbox.
    """
    try:
        obstacle = _obstacle(connection, ban_id)
    except DatabaseUnavailableError as error:
        obstacle = f"whether it is delivered is not known: {printable(error)}"
    if obstacle:
        remark(f"{change}, but {obstacle}")
    return obstacle is not None


def _obstacle(connection: Connection, ban_id: int | None) -> str | None:
    delivery = read_delivery_readiness(connection)
    if ban_id is not None and not wait_acknowledged(connection, Target(ban=ban_id), delivery, 0).found:
        return "no trigger put it into the outbox: run `purger migrate`"
    return delivery.obstacle
