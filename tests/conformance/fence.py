"""Check that a fetch in flight across a purge is never a later hit: the fence."""

import hashlib
import time
from collections.abc import Callable

from tests.conformance.bench import Bench, Image, PendingView
from tests.conformance.http_exchange import Reply
from tests.conformance.verdict import NotOfferedError, check, require

#: Seconds for a request to reach the cache, before the fetch that it waits for goes on.
_ARRIVES = 0.15

#: Longest time in seconds for the head of an answer to pass through the cache.
_STORED = 5.0


def held_across(image: Image, send: Callable[[], Reply], *, within_body: bool = False) -> None:
    """Send a purge while a fetch is held, and fail if the answer of that fetch is a hit afterwards."""
    with image.held_fetch(within_body=within_body) as pending:
        if within_body:
            # A purge after the cache has compared the head, and before it has stored it, is what the second sending of
            # each purge is for.
            pending.wait_begun(_STORED)
        held = len(image.script.fetches)
        send()
    pending.view()
    later = image.get()
    require(later.fetch != held, "the answer to a fetch from before the purge was a hit after it")
    require(later.fetch, f"after the purge a request was answered {later.reply}")


def _purge(bench: Bench, image: Image) -> Reply:
    """Purge an image that may not be in the cache yet, and leave it to other checks what the answer is then."""
    reply = bench.ask("PURGE", f"/images/{image.code}")
    if reply.status in (405, 501):
        raise NotOfferedError(f"PURGE is answered {reply}")
    return reply


@check("fence: purge before the answer's head")
def before_head(bench: Bench) -> str:
    image = bench.image()
    held_across(image, lambda: _purge(bench, image))
    thumb = bench.image()
    thumb.cached(bench.cache.rendition)
    held_across(thumb, lambda: _purge(bench, thumb))
    image.cached()
    return "the held answer was not cached; the next one was"


@check("fence: purge within the answer's body")
def within_body(bench: Bench) -> str:
    image = bench.image()
    held_across(image, lambda: _purge(bench, image), within_body=True)
    image.cached()
    return "the answer that was arriving was not a hit afterwards"


@check("fence: answers with Takedown-Seen")
def with_seen(bench: Bench) -> str:
    image = bench.image(takedown_seen=str(bench.batch(0)))
    held_across(image, lambda: _purge(bench, image))
    image.cached()
    return "a purge without a number holds back an answer that names what its lookup has seen"


@check("fence: waiting clients")
def waiting(bench: Bench) -> str:
    image = bench.image()
    with image.held_fetch() as before:
        _purge(bench, image)
        after = PendingView(image)
        time.sleep(_ARRIVES)
    require(after.view().fetch != 1, "a request that was sent after the purge got the answer from before it")
    require(before.view().fetch != 1, "the client that waited for the held fetch got the answer from before the purge")
    return f"both clients got the answer to a later fetch ({before.view().fetch} and {after.view().fetch})"


@check("fence: codes")
def codes(bench: Bench) -> str:
    image = bench.image()
    held_across(image, lambda: bench.purge_tags(f"i:{bench.image().code}", f"i:{image.code}"))
    return "the held answer was not cached"


@check("fence: owners")
def owners(bench: Bench) -> str:
    owner = f"owner-{bench.image().code}"
    image = bench.image(takedown_owner=owner)
    held_across(image, lambda: bench.purge_tags(f"o:{owner}"))
    return "the held answer was not cached"


@check("fence: digests")
def digests(bench: Bench) -> str:
    digest = hashlib.sha256(bench.image().code.encode()).hexdigest()
    image = bench.image(takedown_digest=digest)
    held_across(image, lambda: bench.purge_tags(f"d:{digest}"))
    return "the held answer was not cached"


@check("fence: others go on")
def others(bench: Bench) -> str:
    """Purges of other images must not keep an image out of the cache."""
    image = bench.image()
    with image.held_fetch() as pending:
        for _ in range(5):
            _purge(bench, bench.image())
    pending.view()
    view = image.get()
    image.must_hit(view, "after purges of other images during its fetch")
    return f"five purges of other images during its fetch: it was cached, after {len(image.script.fetches)} fetches"
