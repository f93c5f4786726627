"""Check which answers of the origin are cached, and what the cache asks the origin and tells its clients."""

from tests.conformance.bench import Bench, lifetime
from tests.conformance.verdict import check, require

#: A date for Last-Modified.
_DATE = "Wed, 25 Nov 2026 10:00:00 GMT"

#: A digest that no other check bans: checks run side by side.
_DIGEST = 64 * "d"


@check("errors are not cached")
def errors(bench: Bench) -> str:
    for status in (500, 502, 503, 400, 403, 429):
        image = bench.image()
        image.script.status = status
        image.get()
        image.script.status = 200
        now = image.get().reply
        require(now.status == 200, f"after an answer {status} of the origin, the next request was still answered {now}")
    return "500, 502, 503, 400, 403 and 429 with a lifetime: the next request was fetched again"


@check("only with a lifetime")
def no_lifetime(bench: Bench) -> str:
    for header in ({}, {"CDN-Cache-Control": "no-store"}, {"CDN-Cache-Control": "max-age=soon"}):
        image = bench.image()
        del image.script.headers["CDN-Cache-Control"]
        image.script.headers |= header | {"Cache-Control": "max-age=60"}
        first = image.get()
        shown = header.get("CDN-Cache-Control", "no CDN-Cache-Control")
        require(image.get().fetch != first.fetch, f"an answer with {shown} was cached")
    return "answers without CDN-Cache-Control, with no-store and with a malformed one are not cached"


@check("the special image")
def special_image(bench: Bench) -> str:
    for status in (410, 451):
        image = bench.image(takedown_state="banned")
        image.script.status = status
        view = image.cached()
        require(view.reply.status == status, f"{status} is delivered as {view.reply}")
        require(view.reply.headers.get("takedown-state") == "banned", "Takedown-State was not delivered")
        bench.purge(image)
        image.must_miss(view, "after its purge")
    return "410 and 451 are cached, with Takedown-State, and purged as images are"


@check("no conditional fetch")
def unconditional(bench: Bench) -> str:
    image = bench.image(last_modified=_DATE)
    image.script.headers |= lifetime(1)
    image.get(if_none_match='"old"', if_modified_since=_DATE)
    bench.wait(lambda: (image.get().fetch or 0) > 1, 8, "an image was not fetched again after its lifetime")
    fetched = [each for each in image.script.fetches if each.headers.keys() & {"if-none-match", "if-modified-since"}]
    require(not fetched, f"fetch {fetched[0].number if fetched else 0} of the origin was conditional")
    return f"{len(image.script.fetches)} fetches, after the lifetime as well, none with a condition of client or cache"


@check("headers for the cache alone")
def private_headers(bench: Bench) -> str:
    image = bench.image(
        takedown_owner="owner", takedown_digest=_DIGEST, takedown_seen=str(bench.batch(0)), takedown_changed="1"
    )
    shown = {"takedown-owner", "takedown-digest", "takedown-seen", "takedown-changed", "cdn-cache-control"}
    shown &= image.cached().reply.headers.keys()
    require(not shown, f"clients get {', '.join(sorted(shown))}")
    return "clients get none of Takedown-Owner, -Digest, -Seen, -Changed and CDN-Cache-Control"
