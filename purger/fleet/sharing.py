"""Shares the edges with other purgers: signs twice a second that this one is alive, and claims its part of them."""

import json
import logging
import threading
import time
from collections.abc import Callable

from purger.fleet.fair_share import moves_to
from purger.fleet.presence import Presence
from purger.fleet.present_purgers import CLAIM, PresentPurgers
from purger.loop_thread import LoopThread
from purger.problem_log import ProblemLog
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection

log = logging.getLogger(__name__)

#: Seconds between two signatures, a third of the time after which a purger is taken for gone.
_INTERVAL = 0.5

#: Shortest rest in seconds after a signature.
_SHORTEST_REST = 0.02

#: Seconds since the start between two tests whether the first poll went well.
_BEFORE_FIRST_POLL = 0.02

#: Seconds since the last poll that went well after which nothing is signed.
_POLLED = 2.0

#: Seconds for which a purger has to have signed without a break before it takes edges from others that are present.
_STEADY = 3.0

#: Late signatures in succession before they are logged: a single one moves edges at most.
_LATE = 3


class Sharing(LoopThread):
    """Signs while polls succeed: a purger that is killed, frozen or cut off from the database stops signing.

    Then the others take its edges over. It knows by its own clock when they may, and its workers rest from then on
    until it has signed again; see ``holds``. A purger that knows of no other one never rests.
    """

    def __init__(self, connection: Connection, stop: threading.Event, *, wake: Callable[[], None]) -> None:
        """Share until ``stop`` is set; ``wake`` is called when workers may go on after a rest."""
        problem = ProblemLog(log, "the share of the edges")
        super().__init__("sharing", stop, problem, bug_effect="other purgers take this one's edges over")
        self._connection = connection
        self._presence = Presence(connection)
        self._others = PresentPurgers()
        self._wake = wake
        self._polled: float | None = None
        self._signed = self._began = float("-inf")  # the last signature, and the first since the last break
        self._late = ProblemLog(log, "the share of the edges", patience=_LATE)
        self._claims: frozenset[str] = frozenset()
        self._changed = threading.Event()

    @property
    def purger(self) -> str:
        """The id of this purger in the tables `purgers` and `edges`."""
        return self._presence.id

    def polled(self) -> None:
        """Note that a poll went well just now."""
        self._polled = time.monotonic()

    def polled_lately(self) -> bool:
        """Tell whether a poll went well within the last seconds."""
        return self._polled is not None and time.monotonic() - self._polled <= _POLLED

    def present_count(self) -> int:
        """Count the purgers that are present: this one, while no other can take it for gone, and the others."""
        return self._present() + len(self._others.others)

    def holds(self, edge: str) -> bool:
        """Tell whether this purger has claimed an edge, and no other one can have taken it over since."""
        return edge in self._claims and self._present()

    def _present(self) -> bool:
        """Tell whether no other purger can take this one for gone."""
        return not self._others.others or time.monotonic() < self._signed + CLAIM

    def leads(self) -> bool:
        """Tell whether this purger does the work that only one of the present purgers has to do."""
        return self._present() and all(self.purger < other for other in self._others.others)

    def take_change(self) -> bool:
        """Tell whether the claims of this purger have changed since the last call."""
        changed = self._changed.is_set()
        self._changed.clear()
        return changed

    def work(self) -> float:
        """Sign and claim, if a poll went well lately; return the seconds to rest."""
        if self._polled is None:
            return _BEFORE_FIRST_POLL
        began = time.monotonic()
        rest = self._share(began) if began - self._polled <= _POLLED else _INTERVAL
        return max(_SHORTEST_REST, began + rest - time.monotonic())

    def finish(self) -> None:
        """Give all edges back and remove the signature, so that others follow the edges at once."""
        try:
            self._connection.run("release_edges", purger=self.purger)
            self._presence.end()
        except DatabaseUnavailableError as error:
            log.debug("presence is left behind: %s", error)
        self._connection.close()

    def _share(self, began: float) -> float:
        """Sign and claim; return the seconds until the next signature, or until another purger may turn absent."""
        signatures, claims = self._presence.sign()
        rested = not self._present()
        if began - self._signed > CLAIM:
            self._began = began
        others = [each for each in signatures if each.purger != self.purger]
        rest = self._others.read(others, at=time.monotonic())
        present = {self.purger, *self._others.others}
        moves = moves_to(self.purger, claims, present, steady=began - self._began >= _STEADY)
        mine = frozenset(edge for edge, owner in claims.items() if owner == self.purger)
        if moves or mine != self._claims:
            if moves:
                # Those stay that another purger has claimed since they were read.
                self._connection.run("claim_edges", moves=json.dumps(moves), purger=self.purger)
            self._claims = mine | {move.edge for move in moves}
            self._changed.set()
        self._signed = began
        self._note_time(time.monotonic() - began)
        if rested:
            self._wake()
        return min(_INTERVAL, rest)

    def _note_time(self, seconds: float) -> None:
        """Log signatures that take so long that they leave no time to follow an edge."""
        if self._others.others and seconds >= CLAIM:
            text = (
                f"a signature takes {seconds:.1f} s. From {CLAIM} s on, several purgers have no time to follow their"
                " edges, which fall to fail-safe mode. Run the purgers beside the database, or only one"
            )
            self._late.begin("too slow", text)
        else:
            self._late.end()
