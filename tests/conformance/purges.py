"""Check what a hit is, and that a purge removes an image under all its names, and nothing else."""

from tests.conformance.bench import Bench
from tests.conformance.verdict import check, require


@check("hit")
def hit(bench: Bench) -> str:
    image = bench.image()
    view = image.cached()
    fetches = len(image.script.fetches)
    require(image.get(method="HEAD").reply.status == 200, "HEAD of a cached image is not 200")
    image.must_hit(view, "after a HEAD")
    require(len(image.script.fetches) == fetches, "a later request was sent on to the origin")
    return "one answer of the origin for GET, GET, HEAD, GET"


@check("one object for all names")
def one_object(bench: Bench) -> str:
    image = bench.image()
    view = image.cached()
    for what, other in {
        "with a query string": image.get(query="?size=1"),
        "under another host name": image.get(host="another.example"),
        "with a cookie": image.get(cookie="session=1"),
        "with Authorization": image.get(authorization="Basic eDp5"),
        "with another Accept-Encoding": image.get(accept_encoding="gzip"),
    }.items():
        require(other.fetch == view.fetch, f"a request {what} was fetched again ({other.reply})")
    return "query string, Host, Cookie, Authorization and Accept-Encoding lead to the same object"


@check("304 from the cache")
def not_modified(bench: Bench) -> str:
    image = bench.image()
    tag = image.cached().reply.headers.get("etag", "")
    fetches = len(image.script.fetches)
    require(tag, "the cached image has no ETag")
    for value in (tag, f'"x", W/{tag}', "*"):
        status = image.get(if_none_match=value).reply.status
        require(status == 304, f"If-None-Match: {value} is answered {status}")
    require(len(image.script.fetches) == fetches, "a conditional request was sent on to the origin")
    return "the tag, a list with it and * are answered 304, without the origin"


@check("purge")
def purge(bench: Bench) -> str:
    image, other = bench.image(), bench.image()
    view = image.cached()
    for wrong in (other.code, image.code[:-1], image.code + "x", image.code.swapcase()):
        bench.ask("PURGE", f"/images/{wrong}")
        image.must_hit(view, f"after a purge of {wrong}")
    reply = bench.purge(image)
    image.must_miss(view, "after its purge")
    image.cached()
    return (
        f"wrong purges leave it; the right one removes it ({reply.headers.get('takedown-removed', 'number not told')})"
    )


@check("purge removes all renditions")
def renditions(bench: Bench) -> str:
    image, name = bench.image(), bench.cache.rendition
    original, thumb = image.cached(), image.cached(name)
    queried = image.get(query="?v=2")
    bench.purge(image)
    image.must_miss(original, "after the purge of the code")
    image.must_miss(thumb, f"after the purge of the code, for the rendition {name}", name)
    again = image.get(query="?v=2")
    require(again.fetch != queried.fetch, "after the purge, the image was still a hit with a query string")
    return f"original, {name} and query strings go with one PURGE of the code"


@check("purge twice")
def twice(bench: Bench) -> str:
    image = bench.image()
    view = image.cached()
    bench.purge(image)
    bench.purge(image)
    now = image.must_miss(view, "after two purges")
    image.must_hit(now, "after it was fetched again")
    bench.purge(bench.image())
    return "a repeated purge, and one of an image that is not there, are answered 200 and do no harm"
