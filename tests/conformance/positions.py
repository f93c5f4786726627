"""Check positions: what the cache says up to which batch it has every purge, and what it does with that."""

import time

from tests.conformance.bench import Bench
from tests.conformance.fence import held_across
from tests.conformance.http_exchange import Reply
from tests.conformance.verdict import CheckFailedError, Phase, check, require

#: Most bans of older objects until the cache answers one at once.
_TRIES = 10


def flush(bench: Bench, number: int) -> str:
    """Flush the cache to a position of this run. Raises ``NotOfferedError`` where the answer names none."""
    position = bench.position(number)
    _at(bench, bench.tell("BAN", takedown_all="1", takedown_batch=position), position, "a flush to")
    return position


def _at(bench: Bench, reply: Reply, position: str, after: str) -> None:
    """Fail unless an answer names this position."""
    named = bench.offered(reply, "Takedown-Batch")
    require(named == position, f"after {after} {position} the cache names {named}")


@check("positions are echoed", Phase.ALONE)
def echoed(bench: Bench) -> str:
    start, image = flush(bench, 10), bench.image()
    view = image.cached()
    to = bench.position(11)
    _at(bench, bench.purge(image, takedown_batch=to, takedown_after=start), to, "a purge to")
    image.must_miss(view, "after a purge with a number")
    _at(bench, bench.tell("HEARTBEAT"), to, "a purge to")
    _at(bench, bench.purge(image), to, "a purge by hand at")
    _at(bench, bench.purge(image, takedown_part_of=str(bench.batch(12)), takedown_after=to), to, "a part of a batch at")
    further = bench.position(13)
    _at(bench, bench.purge_tags(f"o:{image.code}", takedown_batch=further), further, "a purge of an owner to")
    return "each answer names the position after the request; purges by hand and parts of a batch do not move it"


@check("positions never go back", Phase.ALONE)
def never_back(bench: Bench) -> str:
    position, image = flush(bench, 20), bench.image()
    view = image.cached()
    _at(bench, bench.purge(image, takedown_batch=bench.position(15)), position, "a purge of an older batch at")
    view = image.must_miss(view, "after a purge with an older number")
    elsewhere = {"takedown_batch": bench.position(25), "takedown_after": bench.position(19)}
    _at(bench, bench.purge(image, **elsewhere), position, "a purge from another position, at")
    image.must_miss(view, "after a purge from another position")
    return "a purge with an older number, or from another position, is carried out and does not move the cache"


@check("a flush sets the position back", Phase.ALONE)
def flush_back(bench: Bench) -> str:
    flush(bench, 30)
    back, image = flush(bench, 5), bench.image(takedown_seen=str(bench.batch(6)))
    image.cached()
    return f"a flush to {back} from a larger number; answers that have seen less than the larger one are cached again"


@check("a flush removes everything", Phase.ALONE)
def flush_all(bench: Bench) -> str:
    image, other = bench.image(), bench.image()
    views = [image.cached(), image.cached(bench.cache.rendition), other.cached()]
    bench.tell("BAN", takedown_all="1")
    image.must_miss(views[0], "after a flush")
    image.must_miss(views[1], "after a flush, for a rendition", bench.cache.rendition)
    other.must_miss(views[2], "after a flush")
    held_across(bench.image(), lambda: bench.tell("BAN", takedown_all="1"))
    return "all images go; a fetch in flight is not a later hit"


@check("a ban of older objects", Phase.ALONE)
def older(bench: Bench) -> str:
    for _ in range(_TRIES):
        old, young = bench.image(), bench.image()
        view = old.cached()
        time.sleep(1)  # the difference of their ages
        fresh = young.cached()
        sent = time.monotonic()
        age = sent - view.asked
        bench.tell("BAN", takedown_all="1", takedown_older=f"{age - 0.5:.3f}")
        late = time.monotonic() - sent
        old.must_miss(view, "after a ban of all objects that are older than a younger one")
        if late < 0.5:  # a ban that was carried out later removes the younger one rightly
            young.must_hit(fresh, "after a ban of older objects")
            return f"Takedown-Older: {age - 0.5:.3f} removed an object of {age:.1f} s and left one that is 1 s younger"
    raise CheckFailedError(f"none of {_TRIES} bans of older objects was answered within 0.5 s")


@check("heartbeat at another position", Phase.ALONE)
def other_position(bench: Bench) -> str:
    position = flush(bench, 40)
    now = bench.offered(bench.tell("HEARTBEAT", takedown_batch=position), "Takedown-Now")
    reply = bench.ask("HEARTBEAT", takedown_epoch=now, takedown_batch=bench.position(41))
    require(reply.status == 412, f"a heartbeat that names another position is answered {reply}")
    _at(bench, reply, position, "a refused heartbeat at")
    return "answered 412, with the cache's own position"


@check("answers below the mark", Phase.ALONE)
def below_mark(bench: Bench) -> str:
    start, image = flush(bench, 50), bench.image(takedown_seen=str(bench.batch(50)))
    view = image.cached()
    bench.purge(image, takedown_batch=bench.position(52), takedown_after=start)
    image.script.headers["Takedown-Seen"] = str(bench.batch(51))
    late = [image.get() for _ in range(2)]
    require(view.fetch not in [each.fetch for each in late], "after its purge, the old image was still a hit")
    same = late[0].fetch is not None and late[0].fetch == late[1].fetch
    require(not same, "an answer with a Takedown-Seen below the number of the purge was cached")
    image.script.headers["Takedown-Seen"] = str(bench.batch(52))
    image.cached()
    return f"an answer that had seen too little was answered {late[1].reply.status}, not cached; one that had not, was"


@check("fence: answers that have seen the purge", Phase.ALONE)
def has_seen(bench: Bench) -> str:
    start = flush(bench, 60)
    image = bench.image(takedown_seen=str(bench.batch(61)))
    with image.held_fetch() as pending:
        bench.purge(image, takedown_batch=bench.position(61), takedown_after=start)
    view = pending.view()
    image.must_hit(view, "after a fetch that had seen the purge")
    late = bench.image(takedown_seen=str(bench.batch(60)))

    def purge_late() -> Reply:
        late.script.headers["Takedown-Seen"] = str(bench.batch(62))  # of the fetches after the held one
        return bench.purge(late, takedown_part_of=str(bench.batch(62)))

    held_across(late, purge_late)
    late.cached()
    return (
        f"an answer that had seen the purge was cached after {len(image.script.fetches)} fetch; one that had not, not"
    )


@check("answers ahead of the position", Phase.ALONE)
def ahead(bench: Bench) -> str:
    flush(bench, 70)
    seen = str(bench.batch(80))
    told, pending, further = (
        bench.image(takedown_seen=seen, takedown_changed=changed)
        for changed in (str(bench.batch(70)), "pending", str(bench.batch(71)))
    )
    views = [told.cached(), pending.cached_shortly(), further.cached_shortly()]
    time.sleep(bench.cache.fail_safe_ttl + 0.1)  # a request before its end would be a hit rightly
    told.must_hit(views[0], "after the fail-safe TTL, with a change that the cache was told of")
    pending.must_miss(views[1], "after the fail-safe TTL, with Takedown-Changed: pending")
    further.must_miss(views[2], "after the fail-safe TTL, with a change that the cache was not told of")
    return "they are cached for the fail-safe TTL only"
