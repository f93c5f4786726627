"""Signs users in and recognises them: by the cookie of a session, or by the header of the proxy in front.

A throttle limits how often passwords may be tried: as one user from one address, from one address, and in all. A
browser that has signed a user in before is known by a cookie, and has tries of its own: nobody else can use them up.
"""

import hmac
import logging
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from purger.console.users.sessions import LASTS, Session, Sessions
from purger.console.users.settings import ConsoleSettings
from purger.console.users.users import LONGEST_PASSWORD, Role, User, Users, matches
from takedown_base.printable import printable
from takedown_base.secret_files import UnreadableSecretError, read_secret

log = logging.getLogger(__name__)

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

#: Seconds between two lines of the log about refused tries.
_REPORT = 60.0

#: Seconds for which a browser is known that has signed a user in: half a year.
_KNOWN = 180 * 86_400


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
        self._reported_at = float("-inf")
        secure = settings.is_https
        # Cookies know no ports: consoles of several purgers on one machine must not end each other's sessions.
        prefix = f"{'__Host-' if secure else ''}takedown_"
        self.cookie_name = f"{prefix}console_{settings.listen.port}"
        self.device_name = f"{prefix}browser_{settings.listen.port}"
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

    def sign_in(self, name: str, password: str, address: str, device: str | None = None) -> Visitor:
        """Sign a user in by password, from an address, with the cookie of a known browser. Raises ``SignInError``."""
        if self.by_proxy:
            raise SignInError(HTTPStatus.FORBIDDEN, "The proxy in front signs users in.")
        user, now = self._users.find(name), self._clock()
        limits = _limits(name[:64], user, address, device)
        if wait := self._throttle.take(limits, now):
            if now - self._reported_at >= _REPORT:
                self._reported_at = now
                log.warning("console: too many tries to sign in, now as %s from %s", printable(name[:64]), address)
            text = f"Too many tries. Wait {max(1.0, wait):.0f} s, or use a browser in which you have signed in before."
            raise SignInError(HTTPStatus.TOO_MANY_REQUESTS, text, max(1.0, wait))
        if len(password) > LONGEST_PASSWORD or not matches(password, user.hashed if user else "") or user is None:
            log.warning("console: failed to sign in as %s", printable(name[:64]))
            raise SignInError(HTTPStatus.FORBIDDEN, "Name or password is wrong.")
        self._throttle.give_back(limits)
        log.info("console: %s has signed in (%s)", user.name, user.role)
        return self._begin(user)

    def sign_out(self, cookie: str) -> None:
        """End a session."""
        self._sessions.end(cookie)

    def set_device(self, user: User) -> str:
        """Return the value of Set-Cookie by which the browser is known after it has signed a user in."""
        number = secrets.token_hex(16)
        value = f"{number}.{_signature(user, number)}"
        return f"{self.device_name}={value}; {self._attributes}; Max-Age={_KNOWN}"

    def set_cookie(self, value: str, lasts: float = LASTS) -> str:
        """Return the value of Set-Cookie for a session. One that lasts for 0 s takes the cookie back."""
        return f"{self.cookie_name}={value}; {self._attributes}; Max-Age={lasts:.0f}"

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


def _limits(name: str, user: User | None, address: str, device: str | None) -> Limits:
    """Return the limits of a try. A browser that has signed this user in before shares none with strangers."""
    number, _, signature = (device or "").partition(".")
    if user is not None and hmac.compare_digest(signature.encode(), _signature(user, number).encode()):
        return {f"browser {number}": _OF_A_USER}
    return {f"user {address} {name}": _OF_A_USER, f"address {address}": _OF_AN_ADDRESS, "all": _OF_ALL}


def _signature(user: User, number: str) -> str:
    """Sign the number of a browser for a user. Another password ends it."""
    return hmac.digest(user.hashed.encode(), f"browser {number} of {user.name}".encode(), "sha256").hex()
