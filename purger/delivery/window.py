"""Decides how many requests may be in flight to one edge, by how long it takes for them."""

#: Seconds by which an answer may take longer than that of a lone request before fewer requests are in flight.
_QUEUE = 0.05

#: Most requests in flight. At 7 KB each they fill a connection to another continent.
_MOST = 128


class Window:
    """The bound of what is in flight: an edge that takes long for each gets one after the other, a far one many."""

    def __init__(self) -> None:
        """Begin with two requests in flight."""
        self.size = 2
        #: Seconds for a request, smoothed.
        self.pace = 0.0
        self._quickest = 0.0  # seconds for a request that waits behind no other

    def answered(self, waited: float, *, lone: bool, full: bool) -> None:
        """Let more or fewer requests be in flight after one that took ``waited`` seconds.

        ``lone``: nothing else was in flight when it was sent. ``full``: no further one could be.
        """
        self.pace += (waited - self.pace) / 8
        self._quickest = waited if lone else min(self._quickest, waited)
        if waited > self._quickest + _QUEUE:
            self.size = max(1, self.size - 1)
        elif full:
            self.size = min(_MOST, self.size + 1)
