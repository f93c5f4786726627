"""Keeps the sessions of signed-in users in memory: they end with the purger, after a time, or with their user."""

import hashlib
import hmac
import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from purger.console.users.users import User

#: Seconds for which a session lasts: a working day, so that a forgotten one is over by the next.
LASTS = 12 * 3600.0

#: Most sessions; a further one ends the oldest.
_MOST = 1000

#: Most changes of one session that are remembered, so that no change is carried out twice.
_REMEMBERED = 100


@dataclass(slots=True)
class Session:
    """A session. ``ends`` is a time of the monotonic clock."""

    user: User
    ends: float
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))  # that each form has to send back
    _acting: threading.Lock = field(default_factory=threading.Lock)
    _done: OrderedDict[str, str] = field(default_factory=OrderedDict)

    def accepts(self, token: str) -> bool:
        """Tell whether a form's token is the one of this session."""
        return hmac.compare_digest(token.encode(), self.token.encode())

    def once(self, form: str, act: Callable[[], str]) -> None:
        """Act on a form and remember what came of it. Sent again, also meanwhile, it is left at that."""
        with self._acting:
            if form not in self._done:
                self._done[form] = act()
            while len(self._done) > _REMEMBERED:
                self._done.popitem(last=False)

    def outcome(self, form: str) -> str | None:
        """Return what came of a form that was sent before."""
        return self._done.get(form)


class Sessions:
    """All sessions, by the hash of their cookies; for several threads. Times are of the monotonic clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._sessions: OrderedDict[bytes, Session] = OrderedDict()

    def begin(self, user: User, now: float) -> tuple[str, Session]:
        """Begin a session, and return the value of its cookie with it."""
        cookie = secrets.token_urlsafe(32)
        session = Session(user, now + LASTS)
        with self._lock:
            self._sessions[_key(cookie)] = session
            while len(self._sessions) > _MOST:
                self._sessions.popitem(last=False)
        return cookie, session

    def find(self, cookie: str, now: float) -> Session | None:
        """Return the session of a cookie, unless it has ended."""
        with self._lock:
            session = self._sessions.get(_key(cookie))
            if session is not None and session.ends <= now:
                del self._sessions[_key(cookie)]
                return None
            return session

    def end(self, cookie: str) -> None:
        """End the session of a cookie."""
        with self._lock:
            self._sessions.pop(_key(cookie), None)


def _key(cookie: str) -> bytes:
    # Keyed by hash: the time of a lookup leaks the key, and a hash does not reveal the cookie.
    return hashlib.sha256(cookie.encode()).digest()
