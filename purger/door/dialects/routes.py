"""Lists the routes of all dialects: `purger door` adds them to its own."""

from purger.door.app import Route
from purger.door.dialects.coop import Coop
from purger.door.dialects.purges import Purges
from purger.door.settings import DoorSettings
from purger.door.tally import Tally


def dialect_routes(settings: DoorSettings, tally: Tally) -> list[Route]:
    """Return the routes, each method and path once. Those of purges are open: their senders may have no token."""
    purges, coop = Purges(tally, max(1, settings.threads // 4)), Coop(tally)
    return [
        Route("PURGE", "/", purges.purge, open=True),
        Route("PURGE", "/<path:path>", purges.purge, open=True),
        Route("POST", "/purge", purges.by_parameter, open=True),
        Route("GET", "/purge", purges.by_parameter, open=True),
        Route("POST", "/invalidation", purges.invalidate),
        Route("POST", "/coop/ban/<kind>", coop.ban),
        Route("POST", "/coop/lift/<kind>", coop.lift),
    ]
