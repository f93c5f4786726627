"""Check the lease: which heartbeats renew it, and what the cache serves when it has run out (fail-safe mode)."""

import time

from tests.conformance.bench import Bench, Image
from tests.conformance.verdict import NotOfferedError, Phase, check, require

#: Seconds by which a lease may end late: the pace of the questions, and of a busy machine, which may renew it late for
#: another check.
_LATE = 10.0


@check("heartbeats keep the later epoch", Phase.HEARTBEAT)
def later_epoch(bench: Bench) -> str:
    first = bench.offered(bench.tell("HEARTBEAT"), "Takedown-Now")
    reply = bench.tell("HEARTBEAT", takedown_epoch=first)
    require(bench.offered(reply, "Takedown-Epoch") == first, f"{first} was sent, {reply.headers} is kept")
    require(reply.headers.get("takedown-mode") == "trusted", f"the mode is {reply.headers.get('takedown-mode')}")
    bench.wait(lambda: _now(bench) != first, _LATE, f"the cache's clock stands still at {first}")
    second = _now(bench)
    bench.tell("HEARTBEAT", takedown_epoch=second)
    for what, headers in {"an older epoch": {"takedown_epoch": first}, "no epoch": {}}.items():
        kept = bench.tell("HEARTBEAT", **headers).headers.get("takedown-epoch")
        require(kept == second, f"after a heartbeat with {what} the epoch is {kept}, and was {second}")
    return "the later epoch is kept when an older one, or none, comes after it"


@check("epochs of the future", Phase.HEARTBEAT)
def future(bench: Bench) -> str:
    bench.renew()
    for ahead in (60, 1):
        end, late = time.monotonic() + _LATE, True
        # A machine that is slow to send an epoch sends one of the past, which is taken.
        while late and time.monotonic() < end:
            before = bench.tell("HEARTBEAT")
            kept, epoch = bench.offered(before, "Takedown-Epoch"), float(before.headers["takedown-now"]) + ahead
            reply = bench.ask("HEARTBEAT", takedown_epoch=f"{epoch:.3f}")
            late = reply.status == 200 and float(reply.headers["takedown-now"]) >= epoch
        require(reply.status == 400, f"an epoch {ahead} s ahead of the cache's clock is answered {reply}")
        after = bench.tell("HEARTBEAT").headers.get("takedown-epoch")
        require(after == kept, f"a refused epoch changed the kept one to {after}")
    return "epochs 60 s and 1 s ahead of the cache's clock are answered 400, and the kept one stays"


@check("lease over: age of hits", Phase.EXPIRY)
def age_of_hits(bench: Bench) -> str:
    image, slow = bench.image(), bench.image()
    said = _outlive(bench, image)
    ttl = bench.cache.fail_safe_ttl
    slow.script.delay = 0.6 * ttl
    oldest, hits, end = 0.0, 0, time.monotonic() + 3 * ttl
    last_hit, followed = 0.0, False
    # Without a hit that a fetch has soon followed, a pause may have hidden hits that were too old.
    while time.monotonic() < end or not (followed or time.monotonic() > end + _LATE):
        view = slow.get()
        require(view.fetch, f"in fail-safe mode a request is answered {view.reply}")
        began = slow.script.fetches[(view.fetch or 1) - 1].began
        age = view.asked - began
        oldest = max(oldest, age)
        require(age <= ttl + 0.02, f"a hit was {age:.2f} s old, counted from the beginning of its fetch")
        if age > 0:
            hits, last_hit = hits + 1, view.asked
        else:
            followed = followed or began - last_hit < 0.5 * ttl  # less than the fetch takes
        time.sleep(0.02)  # the pace of the requests, of which each is judged
    return f"{said}; then {hits} hits, the oldest {oldest:.2f} s after the beginning of its fetch"


@check("lease over: the origin fails", Phase.EXPIRY)
def origin_fails(bench: Bench) -> str:
    image = bench.image()
    said = _outlive(bench, image, status=503)
    reply = image.get().reply
    require(reply.status == 503, f"with an origin that answers 503, a request is answered {reply}")
    return f"{said}, and is answered 503 while the origin answers 503: nothing stale"


@check("lease over: an old epoch", Phase.EXPIRY)
def old_epoch(bench: Bench) -> str:
    bench.renew()
    _run_out(bench)
    now = float(bench.tell("HEARTBEAT").headers["takedown-now"])
    mode = bench.tell("HEARTBEAT", takedown_epoch=f"{now - bench.cache.lease - 0.5:.3f}").headers.get("takedown-mode")
    require(mode == "fail-safe", f"after a heartbeat with an epoch older than the lease the mode is {mode}")
    return "a heartbeat with an epoch older than the lease leaves the cache in fail-safe mode"


def _now(bench: Bench) -> str:
    """Ask for the time by the cache's clock."""
    return bench.tell("HEARTBEAT").headers["takedown-now"]


def _outlive(bench: Bench, image: Image, status: int = 200) -> str:
    """Cache an image, let the lease run out, and fail if the image is a hit then. Returns what was seen."""
    offered = True
    try:
        bench.renew()
    except NotOfferedError:
        offered = False
    view = image.cached()
    if offered:
        _run_out(bench)
    else:
        time.sleep(bench.cache.lease)  # nothing tells when it is over
    time.sleep(max(0.0, view.asked + bench.cache.fail_safe_ttl + 0.1 - time.monotonic()))
    image.script.status = status
    now = image.get()
    age = time.monotonic() - view.asked
    without = "" if offered else ", and the cache takes no heartbeats"
    require(now.fetch != view.fetch, f"an image of {age:.1f} s was still a hit; nobody vouches for it{without}")
    return f"{age:.1f} s after its fetch the image was no hit"


def _run_out(bench: Bench) -> None:
    """Wait until the cache is in fail-safe mode."""
    lease = bench.cache.lease
    bench.wait(
        lambda: bench.mode() == "fail-safe", lease + _LATE, f"the cache trusts itself {lease + _LATE:g} s later still"
    )
