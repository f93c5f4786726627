"""Sends one request at a time to an edge's purge listener, and reads the answer as what it is."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

import requests
import urllib3

from purger.errors import FailingError, MalformedError, OtherInstanceError, RefusedError, SlowError, UnreachableError
from purger.model import Edge
from purger.plan import Request

_HEARTBEAT = Request("HEARTBEAT", "/")

#: Bytes of an answer's body that are read. A purge listener sends one line; another server might never end.
_BODY = 4096


@dataclass(frozen=True, slots=True)
class Answer:
    """An acknowledgement."""

    instance: str  # of the varnishd process that gave it
    now: str  # that edge's clock as it wrote it: seconds.milliseconds
    removed: int | None  # objects, on PURGE
    mode: str | None  # trusted, fail-safe or unguarded
    epoch: str | None  # the epoch that the edge keeps, on HEARTBEAT


class Delivery:
    """The purge listener of one edge, over one kept connection; for one thread.

    Every method raises a ``DeliveryError`` unless the edge acknowledged.
    """

    def __init__(self, edge: Edge, *, connect_timeout: float, read_timeout: float) -> None:
        self._url = edge.purge_url.rstrip("/")
        self._token_file = Path(edge.token_file)
        self._timeout = (connect_timeout, read_timeout)
        self._session = requests.Session()
        # A proxy or a .netrc in the environment is not meant for purges.
        self._session.trust_env = False
        self._session.headers.clear()
        self._session.headers["User-Agent"] = "edge-takedown-purger"
        self._authorized = False

    def ask(self, instance: str | None = None) -> Answer:
        """Ask for instance, clock and mode; with ``instance`` only of that varnishd."""
        return self.send(_HEARTBEAT, instance)

    def heartbeat(self, instance: str, epoch: str) -> Answer:
        """Tell the edge that it has everything that was committed before ``epoch``, in its own words of its clock."""
        return self.send(Request("HEARTBEAT", "/", (("Takedown-Epoch", epoch),)), instance)

    def send(self, request: Request, instance: str | None) -> Answer:
        """Send ``request``, to the varnishd ``instance`` alone if one is named, and read the answer's status."""
        self._authorize()
        headers = dict(request.headers)
        if instance is not None:
            headers["If-Match"] = f'"{instance}"'
        try:
            response = self._session.request(
                request.method,
                self._url + request.path,
                headers=headers,
                timeout=self._timeout,
                allow_redirects=False,
                stream=True,
            )
            text = self._text(response)
        except requests.exceptions.ReadTimeout:
            raise SlowError(f"no answer to {request.method} within {self._timeout[1]:g} s") from None
        except (requests.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            raise UnreachableError(f"{self._url}: {_cause(error)}") from error
        return self._read(response, text)

    def close(self) -> None:
        """Close the connection."""
        self._session.close()

    def _authorize(self) -> None:
        """Read the token, at first and after each refusal: it may have been exchanged."""
        if self._authorized:
            return
        try:
            token = self._token_file.read_text(encoding="ascii").strip()
        except (OSError, UnicodeError) as error:
            raise RefusedError(f"the token file {self._token_file} cannot be read: {error}") from error
        if not re.fullmatch(r"[!-~]+", token):
            raise RefusedError(f"the token file {self._token_file} does not hold one token of visible ASCII characters")
        self._session.headers["Authorization"] = f"Bearer {token}"
        self._authorized = True

    def _text(self, response: requests.Response) -> str:
        """The body, or its beginning; the connection is kept if that is all. Raises ``SlowError``."""
        body, until = b"", time.monotonic() + self._timeout[1]
        while chunk := response.raw.read1(_BODY):
            body += chunk
            if len(body) >= _BODY:
                response.close()
                break
            if time.monotonic() > until:
                response.close()
                raise SlowError(f"no end of an answer within {self._timeout[1]:g} s")
        return body.decode("utf-8", "replace")

    def _read(self, response: requests.Response, text: str) -> Answer:
        status = response.status_code
        said = f"{status} {' '.join(text.split())[:160]}"
        if status >= 500:
            raise FailingError(said)
        if status == 412:
            raise OtherInstanceError(said)
        if status == 400:
            raise MalformedError(said)
        if not 200 <= status < 300:
            self._authorized = False
            raise RefusedError(said)
        instance = response.headers.get("ETag", "")
        now = response.headers.get("Takedown-Now", "")
        if not re.fullmatch(r'"[!#-~]{1,64}"', instance) or not re.fullmatch(r"\d{1,11}(\.\d+)?", now):
            raise RefusedError(f"{said}: without ETag and Takedown-Now this is no purge listener; check the purge URL")
        removed = response.headers.get("Takedown-Removed", "")
        return Answer(
            instance=instance.strip('"'),
            now=now,
            removed=int(removed) if re.fullmatch(r"\d{1,9}", removed) else None,
            mode=response.headers.get("Takedown-Mode"),
            epoch=response.headers.get("Takedown-Epoch"),
        )


def _cause(error: BaseException) -> str:
    """The innermost reason in one line: what urllib3 and requests wrap around it names objects, not causes."""
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
