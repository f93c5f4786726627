"""Decides how often the loop does for all edges what it may do less often, so that heartbeats come in time.

A single ban goes to all edges at once. But a round of all edges takes the loop time, with a thousand of them
a tenth of a second, and a round for each of many bans would take all of it. So the next round begins only after a
multiple of the time that the last one took. Bans that come meanwhile go to an edge in one request, and so do the prompt
rebounds that are due. With few edges that is no delay that anybody could notice.
"""

#: Times that a round took after which the next one may begin: a part of the loop's time is for answers, heartbeats and
#: late rebounds.
_SHARE = 4.0

#: Longest time in seconds between two rounds: beyond half of it G1's second would be over before the prompt rebound.
_LONGEST = 0.5

#: The same for each edge: where few take longer, it is the machine that holds them up.
_OF_ONE = 0.001

#: Shortest time in seconds between two rounds at which few subjects go in one list, and no longer in a request each.
_CROWDED = 0.1

#: Seconds between two new connections of all edges together, which cost ten times as much as a request.
_CONNECTIONS = 0.05


class Pace:
    """The pace of one loop. Moments are seconds of the monotonic clock."""

    def __init__(self) -> None:
        """Begin with a round at any time."""
        self._pause = 0.0  # from the begin of a round to that of the next one
        self._connected = 0.0
        #: The last batch that workers deliver: the head when the last round began.
        self.announced = 0
        #: The moment from which on the next round may begin.
        self.next_round = 0.0

    def begin_round(self, head: int, *, at: float) -> None:
        """Announce the batches up to ``head``; all workers have their turn now."""
        self.announced = head
        self.next_round = at + self._pause

    def round_took(self, seconds: float, workers: int) -> None:
        """Note how long so many workers took for their turn in a round."""
        self._pause = min(_SHARE * seconds, _LONGEST, _OF_ONE * workers)

    @property
    def crowded(self) -> bool:
        """Whether one more request to each edge would take much of the loop's time."""
        return self._pause > _CROWDED

    def may_connect(self, now: float) -> bool:
        """Tell whether an edge may be asked over a new connection only to see who answers there; count it then."""
        if now - self._connected < _CONNECTIONS:
            return False
        self._connected = now
        return True
