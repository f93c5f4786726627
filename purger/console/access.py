"""Signs users in and recognises them: by the cookie of a session, or by the header of the proxy in front.

A throttle limits how often passwords may be tried: in all, and for each name.
"""

import hmac
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from purger.console.sessions import LASTS, Session, Sessions
from purger.console.settings import ConsoleSettings
from purger.console.users import LONGEST_PASSWORD, Role, User, Users, matches
from takedown_base.printable import printable
from takedown_base.secret_files import UnreadableSecretError, read_secret

log = logging.getLogger(__name__)

#: Tries at once, and seconds for each further one: for one name, and for all together.
_OF_A_NAME = (5, 20.0)
_OF_ALL = (20, 3.0)

#: Most names that are remembered. The tries for all hold, whatever names are made up.
_NAMES = 1000


@dataclass(slots=True)
class _Bucket:
    """The tries that are left at a time, and how fast they come back."""

    most: int
    seconds: float
    left: float
    at: float

    def fill(self, now: float) -> None:
        self.left = min(self.most, self.left + max(0.0, now - self.at) / self.seconds)
        self.at = now

    @property
    def wait(self) -> float:
        """The seconds until one try is left."""
        return max(0.0, 1 - self.left) * self.seconds


class Throttle:
    """The tries of all users; for several threads. ``now`` is a time of the monotonic clock, in seconds."""

    def __init__(self, of_a_name: tuple[int, float] = _OF_A_NAME, of_all: tuple[int, float] = _OF_ALL) -> None:
        """Take the numbers of tries at once, with the seconds after which one more is allowed."""
        self._of_a_name = of_a_name
        self._all = _Bucket(*of_all, left=of_all[0], at=0.0)
        self._names: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = threading.Lock()

    def take(self, name: str, now: float) -> float:
        """Take one try for a name. Returns 0, or the seconds to wait if no try is left."""
        with self._lock:
            bucket = self._names.setdefault(name, _Bucket(*self._of_a_name, left=self._of_a_name[0], at=now))
            self._names.move_to_end(name)
            while len(self._names) > _NAMES:
                self._names.popitem(last=False)
            for each in (self._all, bucket):
                each.fill(now)
            wait = max(self._all.wait, bucket.wait)
            if not wait:
                self._all.left -= 1
                bucket.left -= 1
            return wait

    def succeeded(self, name: str) -> None:
        """Give back the try of a name whose password was right."""
        with self._lock:
            if self._names.pop(name, None):
                self._all.left += 1


#: The header with the proxy's token, in lower case: ``Takedown-Proxy-Token``.
_PROXY_TOKEN = "takedown-proxy-token"  # noqa: S105

#: Fewest characters of that token.
_SHORTEST_TOKEN = 20


class SignInError(Exception):
    """A sign-in was refused; the text is for the user."""

    def __init__(self, status: HTTPStatus, text: str, wait: float = 0.0) -> None:
        super().__init__(text)
        self.status = status
        self.wait = wait  # seconds


@dataclass(frozen=True, slots=True)
class Visitor:
    """A user with a session. ``cookie`` is set where the session is new."""

    user: User
    session: Session
    cookie: str | None = None

    @property
    def moderates(self) -> bool:
        """Tell whether the role allows to ban, lift and purge."""
        return self.user.role is Role.MODERATE


class Access:
    """The users, their sessions and their sign-ins; for several threads."""

    def __init__(self, settings: ConsoleSettings, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._clock = clock
        self._users = Users(settings.users)
        self._users.check()
        self._sessions = Sessions()
        self._throttle = Throttle()
        secure = settings.is_https
        # Cookies know no ports: consoles of several purgers on one machine must not end each other's sessions.
        self.cookie_name = f"{'__Host-' if secure else ''}takedown_console_{settings.listen.port}"
        self._attributes = f"Path=/; HttpOnly; SameSite=Strict{'; Secure' if secure else ''}"

    @property
    def by_proxy(self) -> bool:
        """Tell whether a proxy signs users in."""
        return self._settings.proxy_header is not None

    def visitor(self, headers: Mapping[str, str], cookie: str | None) -> Visitor | None:
        """Return the user of a request, with the role that the file has now. Names of ``headers`` are in lower case."""
        named = self._named_by_proxy(headers) if self.by_proxy else None
        if self.by_proxy and named is None:
            return None
        session = self._sessions.find(cookie, self._clock()) if cookie else None
        if session is not None:
            user = self._users.find(session.user.name)
            # With another password a user's sessions end.
            if user is not None and user.hashed == session.user.hashed and named in (None, user):
                return Visitor(user, session)
        return None if named is None else self._begin(named)

    def sign_in(self, name: str, password: str) -> Visitor:
        """Sign a user in by password. Raises ``SignInError``."""
        if self.by_proxy:
            raise SignInError(HTTPStatus.FORBIDDEN, "The proxy in front signs users in.")
        wait = self._throttle.take(name[:64], self._clock())
        if wait:
            log.warning("console: too many sign-ins as %s", printable(name[:64]))
            text = f"Too many tries. Wait {wait:.0f} seconds."
            raise SignInError(HTTPStatus.TOO_MANY_REQUESTS, text, max(1.0, wait))
        user = self._users.find(name)
        if len(password) > LONGEST_PASSWORD or not matches(password, user.hashed if user else "") or user is None:
            log.warning("console: failed to sign in as %s", printable(name[:64]))
            raise SignInError(HTTPStatus.FORBIDDEN, "Name or password is wrong.")
        self._throttle.succeeded(name[:64])
        log.info("console: %s has signed in (%s)", user.name, user.role)
        return self._begin(user)

    def sign_out(self, cookie: str) -> None:
        """End a session."""
        self._sessions.end(cookie)

    def set_cookie(self, value: str) -> str:
        """Return the value of Set-Cookie for a session."""
        return f"{self.cookie_name}={value}; {self._attributes}; Max-Age={LASTS:.0f}"

    def clear_cookie(self) -> str:
        """Return the value of Set-Cookie that takes the cookie back."""
        return f"{self.cookie_name}=; {self._attributes}; Max-Age=0"

    def _begin(self, user: User) -> Visitor:
        cookie, session = self._sessions.begin(user, self._clock())
        return Visitor(user, session, cookie)

    def _named_by_proxy(self, headers: Mapping[str, str]) -> User | None:
        """Return the user whom the proxy names. Without its token anybody on the machine could be the proxy."""
        name = headers.get(str(self._settings.proxy_header).lower())
        token = headers.get(_PROXY_TOKEN, "")
        if name is None or self._settings.proxy_token is None:
            return None
        try:
            expected = read_secret(self._settings.proxy_token).strip()
        except UnreadableSecretError as error:
            log.error("console: the proxy's token: %s", error)
            return None
        if len(expected) < _SHORTEST_TOKEN:
            log.error("console: the proxy's token is shorter than %d characters", _SHORTEST_TOKEN)
            return None
        if not hmac.compare_digest(token.encode(), expected.encode()):
            log.warning("console: a request names a user without the token of the proxy")
            return None
        return self._users.find(name)
