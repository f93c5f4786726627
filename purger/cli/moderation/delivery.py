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
        remark(
            f"nothing of {target} is in the outbox: it was never banned, its row was pruned, or no trigger put it "
            "there (`purger status`)"
        )
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


def deliver(
    connection: Connection,
    change: str,
    target: Target,
    seconds: float | None,
    tell: Callable[[EdgeAcknowledgement], None] | None = None,
) -> bool:
    """Wait for the edges, ``seconds`` at most, or only remark on what hinders the delivery. Returns whether it is done.

    ``change`` is a sentence such as ``the ban is committed``, which remains true if the database goes away; ``tell`` is
    as in ``await_edges``. Without a wait the purge of a ban has to be, or have been, in the outbox.
    """
    unknown = "whether it is delivered" if seconds is None else "whether edges have acknowledged it"
    try:
        if seconds is not None:
            return await_edges(connection, target, seconds, tell).complete
        obstacle = _obstacle(connection, target)
    except DatabaseUnavailableError as error:
        obstacle = f"{unknown} is not known: {printable(error)}"
    if obstacle:
        remark(f"{change}, but {obstacle}")
    return obstacle is None


def _obstacle(connection: Connection, target: Target) -> str | None:
    delivery = read_delivery_readiness(connection)
    if target.ban is not None and not wait_acknowledged(connection, target, delivery, 0).found:
        return "no trigger put it into the outbox: run `purger migrate`"
    return delivery.obstacle
