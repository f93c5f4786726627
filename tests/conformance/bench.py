"""Give a check its tools: images of its own at the scripted origin, requests to both listeners, and lease times."""

import secrets
import string
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from stack.processes.waiting import wait_until
from tests.conformance.http_exchange import Reply, exchange
from tests.conformance.scripted_origin import BODY, LIFETIME, LONGEST_HOLD, Script, ScriptedOrigin
from tests.conformance.verdict import CheckFailedError, NotOfferedError, require

#: Characters of codes and owners' keys. The fence groups them by the last one.
_ALPHABET = string.ascii_letters + string.digits

#: Seconds within which two requests follow each other before a fail-safe TTL is over.
_SHORTLY = 20.0

#: Answers of a purge listener that does not know a method.
_UNKNOWN = (404, 405, 501)


@dataclass(frozen=True, slots=True)
class Cache:
    """The cache under test: its two listeners, its token, and the times in seconds that it was set to."""

    public_url: str
    purge_url: str
    token: str | None
    lease: float
    fail_safe_ttl: float
    rendition: str

    @classmethod
    def at(cls, public: str, purge: str, token_file: Path | None, lease: float, ttl: float, rendition: str) -> "Cache":
        """Read the token from the first line of a file."""
        token = token_file.read_text().split()[0] if token_file else None
        return cls(public.rstrip("/"), purge.rstrip("/"), token, lease, ttl, rendition)


@dataclass(frozen=True, slots=True)
class View:
    """An answer of the public listener, and the number of the fetch whose body it shows (None: it shows none)."""

    reply: Reply
    fetch: int | None
    asked: float  # monotonic clock, just before the request


class Image:
    """An image that only one check asks for."""

    def __init__(self, bench: "Bench", script: Script) -> None:
        self.script = script
        self.code = script.code
        self.place = f"/images/{self.code}"
        self._bench = bench

    def get(
        self,
        rendition: str = "",
        query: str = "",
        method: str = "GET",
        *,
        begun: threading.Event | None = None,
        **headers: str,
    ) -> View:
        """Request the image at the public listener; ``if_none_match`` becomes ``If-None-Match``.

        Sets ``begun`` when the head of the answer has come.
        """
        path = self.place + (f"/{rendition}" if rendition else "")
        asked = time.monotonic()
        reply = exchange(self._bench.cache.public_url, method, path + query, _spelt(headers), begun=begun)
        words = reply.body.split()
        shown = len(words) > 1 and words[0] == path.encode()
        return View(reply, int(words[1].rstrip(b".")) if shown else None, asked)

    def cached(self, rendition: str = "") -> View:
        """Request the image twice, and fail unless the second answer is a hit."""
        first = self.get(rendition)
        require(first.fetch, f"a first request was answered {first.reply} without the origin's body")
        again = self.get(rendition)
        require(again.fetch == first.fetch, "nothing is cached: a second request was fetched again")
        return again

    def cached_shortly(self) -> View:
        """Request an image that is cached for the fail-safe TTL at most, until an answer is a hit.

        The next request may come after its end on a busy machine.
        """
        views = [self.get()]

        def is_hit() -> bool:
            views.append(self.get())
            return views[-1].fetch is not None and views[-1].fetch == views[-2].fetch

        self._bench.wait(is_hit, _SHORTLY, "nothing is cached: each request was fetched again")
        return views[-1]

    def must_hit(self, view: View, after: str, rendition: str = "") -> None:
        """Fail unless a request shows the same fetch as an earlier one."""
        require(self.get(rendition).fetch == view.fetch, f"{after}, the image was no longer a hit")

    def must_miss(self, view: View, after: str, rendition: str = "") -> View:
        """Fail unless a request shows a later fetch than an earlier one, and is then cached again."""
        now = self.get(rendition)
        require(now.fetch != view.fetch, f"{after}, the old image was still a hit")
        require(now.fetch, f"{after}, a request was answered {now.reply}")
        return now

    @contextmanager
    def held_fetch(self, *, within_body: bool = False) -> Iterator["PendingView"]:
        """Hold a fetch of the image at the origin inside the block; let it go on at its end."""
        with self._held(self.script, within_body=within_body) as pending:
            yield pending

    @contextmanager
    def _held(self, script: Script, *, within_body: bool = False) -> Iterator["PendingView"]:
        hold = script.hold_next(within_body=within_body)
        pending = PendingView(self)
        try:
            require(hold.reached.wait(LONGEST_HOLD), "the cache fetched nothing from the origin")
            yield pending
        finally:
            hold.released.set()


class SitePicture(Image):
    """A picture on the site's own server: ``script`` has that server's answers, ``verdict`` those of the origin."""

    def __init__(self, bench: "Bench", script: Script, verdict: Script) -> None:
        super().__init__(bench, script)
        self.place = f"/files/{self.code}"
        self.verdict = verdict

    @contextmanager
    def held_verdict(self) -> Iterator["PendingView"]:
        """Hold the verdict on the picture inside the block; let it go on at its end."""
        with self._held(self.verdict) as pending:
            yield pending

    def ban(self) -> None:
        """Let the verdict be that the picture is banned."""
        self.verdict.status = 410
        self.verdict.headers["Takedown-State"] = "banned"

    def lift(self) -> None:
        """Let the verdict be that the picture may be shown."""
        self.verdict.status = 204
        del self.verdict.headers["Takedown-State"]

    def expect(self, *, etag: str) -> None:
        """Let the verdict name content that the origin has looked at, of the usual length."""
        self.verdict.headers["Takedown-Expect"] = f"length={BODY}|etag={etag}|last-modified="


class PendingView:
    """A request whose answer has not come yet."""

    def __init__(self, image: Image) -> None:
        self._begun = threading.Event()
        self._views: list[View] = []
        self._errors: list[Exception] = []
        self._thread = threading.Thread(target=self._run, args=(image,), daemon=True)
        self._thread.start()

    def view(self) -> View:
        """Wait for the answer."""
        self._thread.join(2 * LONGEST_HOLD)
        if self._errors:
            raise self._errors[0]
        require(self._views, f"a waiting client got no answer within {2 * LONGEST_HOLD:g} s")
        return self._views[0]

    def wait_begun(self, seconds: float) -> None:
        """Wait for the head of the answer. A cache that passes nothing on before it has all is waited for in vain."""
        self._begun.wait(seconds)

    def _run(self, image: Image) -> None:
        try:
            self._views.append(image.get(begun=self._begun))
        except Exception as error:
            self._errors.append(error)


class Bench:
    """The tools of the checks; all may use them at once."""

    def __init__(self, cache: Cache, origin: ScriptedOrigin, site: ScriptedOrigin | None = None) -> None:
        """Take the cache and its servers. Without a ``site`` its own, the checks of the site's way are left out."""
        self.cache = cache
        self.site = site
        self._origin = origin
        self._numbers = count(1)
        self._groups = count(secrets.randbelow(len(_ALPHABET)))
        self._run = secrets.token_hex(4)
        # Larger than the numbers of an earlier run at the same cache.
        self._first_batch = 10 * int(time.time())

    def image(self, **headers: str) -> Image:
        """Make an image with a code of its own, and another last character than the images made just before."""
        return Image(self, self._origin.add(self._script(**headers)))

    def site_picture(self, **headers: str) -> SitePicture:
        """Make a picture on the site's own server, with these headers in its verdict. Needs a site."""
        assert self.site is not None
        verdict = self._origin.add(self._script(**headers))
        verdict.status = 204
        verdict.headers["Takedown-Image"] = verdict.code
        return SitePicture(self, self.site.add(Script(verdict.code)), verdict)

    def _script(self, **headers: str) -> Script:
        code = f"{self._run}_{next(self._numbers)}-x{_ALPHABET[next(self._groups) % len(_ALPHABET)]}"
        # Without a digest, each purge of a digest in another check would remove the image.
        usual = {"Cache-Control": "public, no-cache", **lifetime(LIFETIME), "Takedown-Digest": "none"}
        return Script(code, headers=usual | _spelt(headers))

    def position(self, number: int) -> str:
        """Name a position in this run's outbox."""
        return f"{self.batch(number)}:run-{self._run}"

    def batch(self, number: int) -> int:
        """Return the number of a batch in this run's outbox."""
        return self._first_batch + number

    def ask(self, method: str, path: str = "/", **headers: str) -> Reply:
        """Send a request with the token to the purge listener."""
        token = {"Authorization": f"Bearer {self.cache.token}"} if self.cache.token else {}
        return exchange(self.cache.purge_url, method, path, token | _spelt(headers))

    def tell(self, method: str, path: str = "/", **headers: str) -> Reply:
        """Send a request that the purge listener must accept. Raises ``NotOfferedError`` if it lacks the method."""
        reply = self.ask(method, path, **headers)
        if reply.status in _UNKNOWN:
            raise NotOfferedError(f"{method} {path} is answered {reply}")
        named = "".join(f" with {name}" for name in _spelt(headers))
        require(reply.status == 200, f"{method} {path}{named} is answered {reply}")
        return reply

    def purge(self, image: Image, **headers: str) -> Reply:
        """Purge an image. A cache that holds nothing under the name may say 404: it knows the method."""
        return self.tell("PURGE", f"/images/{image.code}", **headers)

    def purge_tags(self, *tags: str, **headers: str) -> Reply:
        """Purge all that has any of these tags."""
        return self.tell("PURGE", takedown_tags=",".join(tags), **headers)

    def offered(self, reply: Reply, header: str) -> str:
        """Return a header of an answer of the purge listener. Raises ``NotOfferedError`` without it."""
        value = reply.headers.get(header.lower())
        if value is None:
            raise NotOfferedError(f"the purge listener's answer has no {header}")
        return value

    def renew(self) -> Reply:
        """Renew the lease from now on. Raises ``NotOfferedError`` from a cache without heartbeats."""
        now = self.offered(self.tell("HEARTBEAT"), "Takedown-Now")
        return self.tell("HEARTBEAT", takedown_epoch=now)

    def mode(self) -> str:
        """Ask for the mode. Raises ``NotOfferedError`` from a cache without heartbeats."""
        return self.offered(self.tell("HEARTBEAT"), "Takedown-Mode")

    def wait(self, condition: Callable[[], bool], seconds: float, otherwise: str) -> None:
        """Wait for a condition. Fails with a sentence when it does not come true in time."""
        try:
            wait_until(condition, otherwise, seconds)
        except TimeoutError:
            raise CheckFailedError(otherwise) from None


def lifetime(seconds: int) -> dict[str, str]:
    """Make the header that gives an image its lifetime at the edge."""
    return {"CDN-Cache-Control": f"max-age={seconds}"}


def _spelt(headers: dict[str, str]) -> dict[str, str]:
    return {name.replace("_", "-").title(): value for name, value in headers.items()}
