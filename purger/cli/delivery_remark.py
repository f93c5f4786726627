"""Warns after a ban or a lift that nothing delivers it at the moment, with the reason."""

from purger.acknowledgement_wait import Target, wait_acknowledged
from purger.cli.remark import remark
from purger.delivery_readiness import read_delivery_readiness
from takedown_db.errors import DatabaseUnavailableError
from takedown_db.lasting_connection import Connection
from takedown_db.printable import printable


def remark_undelivered(connection: Connection, ban_id: int | None) -> bool:
    """Remark on the obstacle to the delivery of a ban (None: of a lift), and tell whether there is one."""
    try:
        obstacle = _obstacle(connection, ban_id)
    except DatabaseUnavailableError as error:
        obstacle = f"whether it is delivered cannot be told: {printable(error)}"
    if obstacle:
        remark(f"{'the lift' if ban_id is None else 'the ban'} stands, but {obstacle}")
    return obstacle is not None


def _obstacle(connection: Connection, ban_id: int | None) -> str | None:
    delivery = read_delivery_readiness(connection)
    if ban_id is not None and not wait_acknowledged(connection, Target(ban=ban_id), delivery, 0).found:
        return "no trigger put it into the outbox: run `purger migrate`"
    return delivery.obstacle
