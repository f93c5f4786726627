"""Signs users in and recognises them: by the cookie of a session, or by the header of the proxy in front.

How often passwords may be tried is in `throttle.py`.
"""

import hmac
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus

from purger.console.users.sessions import LASTS, Session, Sessions
from purger.console.users.settings import ConsoleSettings
from purger.console.users.throttle import Throttle, browser_signature, limits_of
from purger.console.users.users import LONGEST_PASSWORD, Role, User, Users, matches
from takedown_base.printable import printable
from takedown_base.secret_files import UnreadableSecretError, read_secret

log = logging.getLogger(__name__)

#: Seconds between two lines of the log about refused tries.
_REPORT = 60.0

#: Seconds for which a browser is known that has signed a user in: half a year.
_KNOWN = 180 * 86_400

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
        limits = limits_of(name[:64], user, address, device)
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
        value = f"{number}.{browser_signature(user, number)}"
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
