"""Limits how often passwords may be tried: as one user from one address, from one address, and in all.

A browser that has signed a user in before is known by a cookie, and has tries of its own: nobody else can use them up.
"""

import hmac
import threading
from collections import OrderedDict
from collections.abc import Mapping

from purger.console.users.users import User

#: Tries at once, and seconds for each further one: as one user from one address or with one browser, from one address,
#: and from all together. A try takes 40 ms of a core. Slower ones would keep a user out, of whose name
#: somebody else tries passwords without end; at one a second, ten characters hold out.
_OF_A_USER = (10, 1.0)
_OF_AN_ADDRESS = (20, 0.7)
_OF_ALL = (40, 0.5)

#: Most users, browsers and addresses that are remembered.
_REMEMBERED = 3000

#: Seconds below which a wait counts as none: sums of floats are not exact.
_INSTANT = 1e-6

#: The limits of one try, by what each of them is for.
Limits = Mapping[str, tuple[int, float]]


class Throttle:
    """The tries to sign in; for several threads. ``now`` is a time of the monotonic clock, in seconds."""

    def __init__(self) -> None:
        #: When all tries of a limit have come back, by what it is for.
        self._full_at: OrderedDict[str, float] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, limits: Limits, now: float) -> float:
        """Take a try from each limit. Returns 0, or the seconds to wait if one has none left."""
        with self._lock:
            full_at = {key: max(now, self._full_at.get(key, now)) for key in limits}
            wait = max(full_at[key] - now - (most - 1) * seconds for key, (most, seconds) in limits.items())
            if wait > _INSTANT:
                return wait
            for key, (_, seconds) in limits.items():
                self._full_at[key] = full_at[key] + seconds
                self._full_at.move_to_end(key)
            while len(self._full_at) > _REMEMBERED:
                self._full_at.popitem(last=False)
            return 0.0

    def give_back(self, limits: Limits) -> None:
        """Give back the try of a user whose password was right."""
        with self._lock:
            for key, (_, seconds) in limits.items():
                if key in self._full_at:
                    self._full_at[key] -= seconds


def limits_of(name: str, user: User | None, address: str, device: str | None) -> Limits:
    """Return the limits of a try. A browser that has signed this user in before shares none with strangers."""
    number, _, signature = (device or "").partition(".")
    if user is not None and hmac.compare_digest(signature.encode(), browser_signature(user, number).encode()):
        return {f"browser {number}": _OF_A_USER}
    return {f"user {address} {name}": _OF_A_USER, f"address {address}": _OF_AN_ADDRESS, "all": _OF_ALL}


def browser_signature(user: User, number: str) -> str:
    """Sign the number of a browser for a user. Another password ends it."""
    return hmac.digest(user.hashed.encode(), f"browser {number} of {user.name}".encode(), "sha256").hex()
