"""Check who may speak to the purge listener, and what it refuses."""

import time

from purger.edge.instance_proof import HEADER, InstanceProof
from tests.conformance.bench import Bench
from tests.conformance.http_exchange import Reply, exchange
from tests.conformance.verdict import NotOfferedError, check, require


@check("token")
def token(bench: Bench) -> str:
    image = bench.image()
    view = image.cached()
    own = bench.cache.token or "token"
    tried = {
        "no token": {},
        "a wrong token": {"Authorization": "Bearer wrong"},
        "a part of the token": {"Authorization": f"Bearer {own[:-1]}"},
        "the token as Basic": {"Authorization": f"Basic {own}"},
    }
    requests = {
        "PURGE": (f"/images/{image.code}", {}),
        "BAN": ("/", {"Takedown-All": "1"}),
        "HEARTBEAT": ("/", {"Takedown-Epoch": f"{time.time() - 1:.3f}"}),
    }
    for what, headers in tried.items():
        for method, (path, more) in requests.items():
            reply = exchange(bench.cache.purge_url, method, path, headers | more)
            if reply.status in (405, 501) and method != "PURGE":
                continue
            effect = "" if image.get().fetch == view.fetch else ", and removed the image"
            require(reply.status == 403, f"{method} with {what} is answered {reply}{effect}")
            require(not effect, f"{method} with {what} is answered {reply}{effect}")
            told = {"etag", "takedown-now", "takedown-batch", "takedown-mode"} & reply.headers.keys()
            require(not told, f"the 403 to {what} tells {', '.join(sorted(told))}")
    if bench.cache.token is None:
        raise NotOfferedError("the suite was given no token, and the cache refuses requests without one")
    bench.purge(image)
    image.must_miss(view, "after a purge with the token")
    return "without the token, and with a wrong one: 403, no effect, and nothing told"


@check("public listener")
def public(bench: Bench) -> str:
    image = bench.image()
    view = image.cached()
    headers = {"Authorization": f"Bearer {bench.cache.token}"} if bench.cache.token else {}
    for method, path, more in (
        ("PURGE", f"/images/{image.code}", {}),
        ("PURGE", "/", {"Takedown-Tags": f"i:{image.code}"}),
        ("BAN", "/", {"Takedown-All": "1"}),
        ("HEARTBEAT", "/", {}),
    ):
        reply = exchange(bench.cache.public_url, method, path, headers | more)
        effect = "" if image.get().fetch == view.fetch else ", and removes the image"
        require(reply.status == 405 and not effect, f"{method} there is answered {reply}{effect}")
    return "PURGE, BAN and HEARTBEAT with the token are answered 405 there, and have no effect"


@check("unknown methods")
def methods(bench: Bench) -> str:
    image = bench.image()
    view = image.cached()
    for method in ("GET", "POST", "DELETE", "REFRESH", "purge"):
        reply = bench.ask(method, f"/images/{image.code}")
        require(reply.status == 405, f"{method} at the purge listener is answered {reply}")
    image.must_hit(view, "after unknown methods")
    return "GET, POST, DELETE, REFRESH and purge at the purge listener are answered 405"


@check("malformed requests")
def malformed(bench: Bench) -> str:
    image = bench.image()
    view = image.cached()
    wrong = [answer for case in _malformed(image.code) if (answer := _refused(bench, *case))]
    require(not wrong, f"{len(wrong)} of {len(_malformed(''))} are not answered 400, such as {'; '.join(wrong[:3])}")
    image.must_hit(view, "after malformed requests")
    return f"{len(_malformed(''))} malformed paths, lists, positions and times are answered 400, and have no effect"


@check("instance")
def instance(bench: Bench) -> str:
    image = bench.image()
    view = image.cached()
    tag = bench.offered(bench.ask("PURGE", f"/images/{bench.image().code}"), "ETag")
    for method, path, headers in (
        ("PURGE", f"/images/{image.code}", {}),
        ("PURGE", "/", {"takedown_tags": f"i:{image.code}"}),
        ("BAN", "/", {"takedown_all": "1"}),
        ("HEARTBEAT", "/", {}),
    ):
        reply = bench.ask(method, path, if_match='"another"', **headers)
        require(reply.status == 412, f"{method} for another instance is answered {reply}")
    image.must_hit(view, "after requests for another instance")
    reply = bench.purge(image, if_match=tag)
    require(reply.headers.get("etag") == tag, "two answers name two instances")
    image.must_miss(view, "after a purge for this instance")
    return f"requests for another instance are answered 412, and have no effect; this one is {tag}"


@check("proof of the instance")
def proof(bench: Bench) -> str:
    image = bench.image()
    view = image.cached()
    token = bench.cache.token or ""
    instance = bench.offered(bench.ask("HEARTBEAT"), "ETag").strip('"')
    own = InstanceProof(token, instance)

    def answer(question: str) -> str | None:
        return image.get(takedown_probe=question).reply.headers.get(HEADER.lower())

    for question in (own.question(), own.question()):
        given = answer(question)
        if given is None:
            raise NotOfferedError(f"an answer to a question of this instance has no {HEADER}")
        require(given == own.answer(question), f"the answer to a question of this instance is {given}")
    for what, question in (
        ("an empty question", ""),
        ("a question to another instance", InstanceProof(token, "1.000-1").question()),
        ("a question with another token", InstanceProof("wrong", instance).question()),
        ("an answer as the question", f"{own.question().partition('-')[0]}-{own.answer(own.question())}"),
    ):
        require(answer(question) is None, f"{what} gets a {HEADER}")
    image.must_hit(view, "after questions of probes")
    return "a question of this instance is answered from the cache too, and no other one is"


def _refused(bench: Bench, method: str, path: str, headers: dict[str, str]) -> str:
    """Send a malformed request. Returns "" when it is answered 400, else the request and its answer."""
    reply: Reply = bench.ask(method, path, **headers)
    shown = "".join(f" {name.replace('_', '-')}: {value[:20]}" for name, value in headers.items())
    return "" if reply.status == 400 else f"{method} {path[:30]}{shown} ({reply.status})"


def _malformed(code: str) -> list[tuple[str, str, dict[str, str]]]:
    paths = (
        "/",
        "/images/",
        f"/images/{code}/thumb",
        f"/images/{code}?x",
        "/images/" + 65 * "a",
        "/images/a%20b",
        "/x",
    )
    tags = (
        *("", ",", "i", "i:", "o:", "d:", "a", "x:a", "I:a", "i:a,", ",i:a", "i:a,,i:b", "i:a, i:b", "i:a i:b"),
        *("i:" + 65 * "a", "o:" + 65 * "a", "i:.*", "i:a|i:b", "i:a)(b", "d:abc", "d:" + 64 * "A", "d:" + 63 * "0"),
    )
    lists = [
        *({"takedown_tags": value} for value in tags),
        {},
        {"takedown_all": "1"},
        {"takedown_tags": "i:a", "takedown_batch": "7"},
        {"takedown_tags": "i:a", "takedown_batch": "x:y"},
        {"takedown_tags": "i:a", "takedown_part_of": "x"},
        {"takedown_tags": "i:a", "takedown_after": "1:a"},
        {"takedown_tags": "i:a", "takedown_batch": "1:a", "takedown_part_of": "1"},
    ]
    return [
        *(("PURGE", path, {}) for path in paths),
        *(("PURGE", "/", headers) for headers in lists),
        ("PURGE", f"/images/{code}", {"takedown_tags": "i:a"}),
        *(("BAN", "/", headers) for headers in ({}, {"takedown_tags": "i:a"}, {"takedown_codes": "a"})),
        *(("BAN", "/", {"takedown_all": value}) for value in ("0", "yes")),
        ("BAN", "/images/x", {"takedown_all": "1"}),
        ("HEARTBEAT", "/x", {}),
        ("HEARTBEAT", "/", {"takedown_epoch": "soon"}),
    ]
