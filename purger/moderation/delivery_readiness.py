"""Reads whether a change would reach the edges now: all triggers exist, a purger is alive, an edge is enabled.

Needs only moderation's account.
"""

from typing import NamedTuple

from takedown_db.connection.lasting_connection import Connection
from takedown_db.purger_presence import ALIVE
from takedown_db.schema.triggers import Triggers, judge_triggers


class DeliveryReadiness(NamedTuple):
    """The parts that deliver the rows of the outbox, and the triggers that write them."""

    purgers: int  # number that are alive
    edges: int  # number that are enabled
    largest: int  # the largest id that is committed in the outbox
    triggers: Triggers

    @property
    def obstacle(self) -> str | None:
        """The reason why a change is not delivered now, and its remedy. None: all parts are there."""
        if self.triggers.missing:
            names = ", ".join(self.triggers.missing)
            return f"triggers are missing or altered, so it may not be delivered ({names}): run `purger migrate`"
        if not self.purgers:
            return "no purger is alive, so it is not delivered yet: start `purger run` (`purger status` says more)"
        if not self.edges:
            return (
                "there is no enabled edge to deliver it to: `purger edge add` adds a Varnish, `edge enable` enables a "
                "disabled one"
            )
        return None


def read_delivery_readiness(connection: Connection) -> DeliveryReadiness:
    """Read the state of delivery. Raises ``DatabaseUnavailableError``."""
    triggers = judge_triggers(connection.rows("present_triggers"))
    ((purgers, edges, largest),) = connection.rows("delivery_state", alive=ALIVE)
    return DeliveryReadiness(int(purgers), int(edges), int(largest), triggers)
