"""Takes purges in the forms that senders know: each is a row of the outbox for the image that a URL shows.

A purge bans nothing, hides nothing that is uploaded again, and is delivered whoever dies meanwhile, as
``purger flush --image`` is. Its sender is a client with ``purge = true``.

- ``PURGE URL``: Wagtail (wagtail/contrib/frontend_cache/backends/http.py), MediaWiki (``naivePurge`` in
  includes/deferred/CdnCacheUpdate.php: the absolute form, as to a proxy), FOSHttpCache. They have no token:
  ``addresses`` lets them in. Mastodon's cache buster (mastodon/mastodon, app/lib/cache_buster.rb) can send one.
- ``POST /purge?url=``: Ozone (bluesky-social/atproto, packages/aws/src/bunny.ts), and what else speaks to Bunny: the
  token is in the field AccessKey, and ``async`` says whether the sender waits.
- ``POST /purge`` with JSON: Supabase's storage (supabase/storage, src/storage/cdn/cdn-cache-manager.ts): an object,
  whose public URL the edge knows.
- ``POST /invalidation``: draft-nottingham-http-invalidation-01. 200 only if all is gone.
"""

import threading
from collections.abc import Sequence
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

from purger.door.answers import Answer, ProblemError, UnavailableError, answered, committed
from purger.door.app import Request, admit
from purger.door.clients import Client
from purger.door.orders import LONGEST_SUBJECT, check_text, read_object, require_owner
from purger.door.tally import Tally
from purger.moderation.acknowledgement_wait import Target, wait_acknowledged
from purger.moderation.bans import writing
from purger.moderation.delivery_readiness import read_delivery_readiness
from purger.moderation.site_names import SiteNames
from purger.moderation.subjects import MalformedSubjectError, NoEdgeAnswersError, Subject
from takedown_base.scope import Scope
from takedown_db.statements import statement

#: Seconds for which a sender that waits is kept waiting: those of Supabase's storage give up after 10 s.
_WAIT = 8.0

#: Most URLs in one request: each is a question to an edge.
_MOST = 100

#: Fields by which a proxy says that a request came from elsewhere: then its address is that of the proxy.
_PROXY_FIELDS = ("Forwarded", "X-Forwarded-For", "X-Real-IP", "Via")


class Purges:
    """The functions of the routes; for several threads."""

    def __init__(self, tally: Tally, waits: int) -> None:
        """Take the most requests that may wait at a time: those that wait keep threads from the others."""
        self._tally = tally
        self._waits = threading.Semaphore(waits)

    def purge(self, request: Request, **_: str) -> Answer:
        """Answer ``PURGE URL``: 202 once the purge is committed; 404 if the URL shows no image."""
        client = _sender(request)
        url = request.environ["REQUEST_URI"]
        if url.startswith("/"):
            url = f"http://{request.header('Host') or ''}{url}"
        return self._purge(request, client, [url], wait=False)

    def by_parameter(self, request: Request) -> Answer:
        """Answer ``/purge?url=``: 202 with ``async=true``, and else 200 if it is gone at every edge.

        A POST without a query is Supabase's, and is answered as one with ``async=false``.
        """
        client = _sender(request)
        if request.environ["REQUEST_METHOD"] == "POST" and not request.environ["QUERY_STRING"]:
            return self._purge(request, client, [_object_url(read_object(request.body()))], wait=True)
        query = request.query("url", "async")
        if "url" not in query:
            raise ProblemError(HTTPStatus.BAD_REQUEST, "malformed-parameter", "`url` is missing.")
        if query.get("async", "false").lower() not in ("true", "false"):
            raise ProblemError(HTTPStatus.BAD_REQUEST, "malformed-parameter", "`async` is neither true nor false.")
        return self._purge(request, client, [query["url"]], wait=query.get("async", "false").lower() == "false")

    def invalidate(self, request: Request) -> Answer:
        """Answer ``POST /invalidation``: 200 only if all is gone at every edge, and else 202."""
        client = request.client
        _require_purge(client)
        request.query()
        event = read_object(request.body())
        if event.get("type") != "uri":
            text = "Nothing was done: only the selector type uri is known here."
            raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, "unusable-order", text)
        return self._purge(request, client, _selectors(event), wait=True)

    def _purge(self, request: Request, client: Client, urls: Sequence[str], *, wait: bool) -> Answer:
        subjects, lost = _images(request, client, urls)
        if subjects:
            _write(request, subjects)
            self._tally.acted(client.name, "purge")
        if lost:
            done = "the others are purged" if subjects else "nothing was purged"
            raise ProblemError(HTTPStatus.NOT_FOUND, "unknown-subject", f"{'; '.join(lost)}: {done}.")
        with committed("The purge is committed"):
            gone = wait and self._wait(request, subjects)
        content = {"purged": [subject.key for subject in subjects], "gone": gone}
        return Answer(HTTPStatus.OK if gone else HTTPStatus.ACCEPTED, content)

    def _wait(self, request: Request, subjects: Sequence[Subject]) -> bool:
        """Wait until every edge has acknowledged the purges, and return whether it has."""
        if not self._waits.acquire(blocking=False):
            return False
        try:
            readiness = read_delivery_readiness(request.connection)
            if readiness.obstacle:
                return False
            return all(
                wait_acknowledged(
                    request.connection, Target(scope=each.scope, subject=each.key), readiness, _WAIT / len(subjects)
                ).complete
                for each in subjects
            )
        finally:
            self._waits.release()


def _object_url(event: dict[str, Any]) -> str:
    """Return the public path of the object that Supabase's storage has changed. Raises ``ProblemError``."""
    if event.get("type") not in ("object", "object-transforms"):
        text = "Nothing was done: only objects are purged, and no whole bucket or tenant."
        raise ProblemError(HTTPStatus.NOT_IMPLEMENTED, "unusable-order", text)
    bucket, name = event.get("bucketId"), event.get("objectName")
    if not isinstance(bucket, str) or not isinstance(name, str) or not bucket or not name:
        text = "Nothing was done: `bucketId` or `objectName` is missing."
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "unusable-order", text)
    check_text("objectName", bucket + name, LONGEST_SUBJECT)
    return f"/storage/v1/object/public/{quote(bucket, safe='')}/{quote(name)}"


def _write(request: Request, subjects: Sequence[Subject]) -> None:
    connection = request.connection
    with answered("The purge", "repeat the request"), writing(connection), connection.transaction() as cursor:
        for subject in subjects:
            cursor.execute(statement("resend_image"), {"code": subject.key})


def _selectors(event: dict[str, Any]) -> list[str]:
    selectors = event.get("selectors")
    if not isinstance(selectors, list) or not selectors or not all(isinstance(each, str) for each in selectors):
        text = "Nothing was done: `selectors` is not a list of URIs."
        raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "unusable-order", text)
    return selectors


def _images(request: Request, client: Client, urls: Sequence[str]) -> tuple[list[Subject], list[str]]:
    """Find the images that URLs show, each once, and the reasons of those that show none. Raises ``ProblemError``."""
    if len(urls) > _MOST or any(len(url) > LONGEST_SUBJECT for url in urls):
        text = f"Nothing was done: {_MOST} URLs of {LONGEST_SUBJECT} characters each are the most."
        raise ProblemError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large", text)
    for url in urls:
        # What is neither a URL nor a path would be taken for a name or a code.
        if not url.startswith(("http://", "https://", "/")) or "*" in url:
            text = "Nothing was done: a URL begins with neither https:// nor /, or has a wildcard."
            raise ProblemError(HTTPStatus.UNPROCESSABLE_ENTITY, "unusable-order", text)
    subjects: dict[str, Subject] = {}
    lost: list[str] = []
    for found in SiteNames(request.connection).subjects([(Scope.IMAGE, url) for url in urls]):
        if isinstance(found, NoEdgeAnswersError):
            raise UnavailableError("no-edge-answers", f"Nothing was done: {found}.")
        if isinstance(found, MalformedSubjectError):
            lost.append(str(found))
        else:
            require_owner(request.connection, client, found)
            subjects[found.key] = found
    return list(subjects.values()), lost


def _require_purge(client: Client) -> None:
    if not client.purge:
        text = "This client may not purge: its table lacks purge = true."
        raise ProblemError(HTTPStatus.FORBIDDEN, "scope-not-allowed", text)


def _sender(request: Request) -> Client:
    """Find who sends a purge: by its token, in Authorization or AccessKey, else by its address.

    Raises ``ProblemError``.
    """
    authorization, key = request.header("Authorization"), request.header("AccessKey")
    if authorization is None and key is None:
        client = _at_address(request)
        if client is None:
            text = "There is no token, and no client has this address."
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "no-token", text, WWW_Authenticate="Bearer")
        admit(request.clients, client)
    else:
        client = request.clients.find(authorization or f"Bearer {key}")
        if client is None:
            text = "Authorization or AccessKey has no token of this door."
            challenge = 'Bearer error="invalid_token"'
            raise ProblemError(HTTPStatus.UNAUTHORIZED, "wrong-token", text, WWW_Authenticate=challenge)
        admit(request.clients, client)
    _require_purge(client)
    return client


def _at_address(request: Request) -> Client | None:
    if any(request.header(name) is not None for name in _PROXY_FIELDS):
        return None
    try:
        address = ip_address(request.environ["REMOTE_ADDR"])
    except ValueError:
        return None
    return request.clients.at(getattr(address, "ipv4_mapped", None) or address)
