"""Tells after a ban or a lift whether it is delivered: waits for the edges, or warns that nothing delivers it now."""

from collections.abc import Callable

from purger.cli.remark import remark
from purger.cli.wait import await_edges
from purger.moderation.acknowledgement_wait import EdgeAcknowledgement, Target, wait_acknowledged
from purger.moderation.delivery_readiness import read_delivery_readiness
from takedown_base.printable import printable
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection


def is_acknowledged(
    connection: Connection,
    change: str,
    target: Target,
    seconds: float,
    tell: Callable[[EdgeAcknowledgement], None] | None = None,
) -> bool:
    """Wait for the edges, ``seconds`` at most. A database that goes away meanwhile leaves the change as it stands.

    ``change`` and ``tell`` are as in ``remark_undelivered`` and ``await_edges``.
    """
    try:
        return await_edges(connection, target, seconds, tell).complete
    except DatabaseUnavailableError as error:
        remark(f"{change}, but whether edges have acknowledged it cannot be told: {printable(error)}")
        return False


def remark_undelivered(connection: Connection, change: str, ban_id: int | None = None) -> bool:
    """Remark on the obstacle to the delivery of a change, such as ``the ban stands``, and tell whether there is one.

    With the id of a ban the outbox has to have, or have had, its purge.
    """
    try:
        obstacle = _obstacle(connection, ban_id)
    except DatabaseUnavailableError as error:
        obstacle = f"whether it is delivered cannot be told: {printable(error)}"
    if obstacle:
        remark(f"{change}, but {obstacle}")
    return obstacle is not None


def _obstacle(connection: Connection, ban_id: int | None) -> str | None:
    delivery = read_delivery_readiness(connection)
    if ban_id is not None and not wait_acknowledged(connection, Target(ban=ban_id), delivery, 0).found:
        return "no trigger put it into the outbox: run `purger migrate`"
    return delivery.obstacle
