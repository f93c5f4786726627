"""Check purges of tags: of codes, owners and digests, in lists, and that they cost the same however many there were."""

import hashlib
import time

from tests.conformance.bench import Bench, Image
from tests.conformance.verdict import Phase, check, require

#: Number of lists of tags of nothing that is cached, and of tags in each: 7 KB.
_LISTS, _TAGS = 4000, 105

#: Number of images whose hits are timed. The quickest one counts, which other work of the machine delays least.
_HITS = 60

#: A hit may take so many times as long as another, or so many seconds longer: other work of the machine is as much.
_SLOWER, _LATER = 3.0, 0.0005


@check("tags: codes")
def codes(bench: Bench) -> str:
    first, second, other = bench.image(), bench.image(), bench.image()
    views = [first.cached(), second.cached(), second.cached(bench.cache.rendition), other.cached()]
    bench.purge_tags(f"i:{bench.image().code}", f"i:{first.code}", f"i:{second.code}")
    first.must_miss(views[0], "after a purge of a list with its code")
    second.must_miss(views[1], "after a purge of a list with its code")
    second.must_miss(views[2], "after a purge of a list with its code, for a rendition", bench.cache.rendition)
    other.must_hit(views[3], "after a purge of other codes")
    bench.purge_tags(f"i:{other.code[:-1]}", f"o:{other.code}")
    other.must_hit(views[3], "after a purge of the beginning of its code, and of an owner of this name")
    long = [f"i:{number:03}{'y' * 61}" for number in range(100)]
    bench.purge_tags(*long, f"i:{other.code}")
    other.must_miss(views[3], "after a purge of a list of 7,000 bytes")
    return "each code of the list goes, in all renditions, and no other"


@check("tags: owners")
def owners(bench: Bench) -> str:
    key = f"owner-{bench.image().code}"
    theirs = bench.image(takedown_owner=key)
    others = bench.image(takedown_owner=f"{key}2")
    nobodys = bench.image()
    views = [theirs.cached(), theirs.cached(bench.cache.rendition), others.cached(), nobodys.cached()]
    bench.purge_tags("o:nobody", f"o:{key}")
    theirs.must_miss(views[0], "after a purge of its owner")
    theirs.must_miss(views[1], "after a purge of its owner, for a rendition", bench.cache.rendition)
    others.must_hit(views[2], "after a purge of another owner")
    nobodys.must_hit(views[3], "after a purge of an owner, without one")
    return "all images of the owner go, and no other"


@check("tags: digests")
def digests(bench: Bench) -> str:
    digest, another = (hashlib.sha256(bench.image().code.encode()).hexdigest() for _ in range(2))
    copies = [bench.image(takedown_digest=digest) for _ in range(2)]
    other, without = bench.image(takedown_digest=another), bench.image(takedown_digest="none")
    views = [image.cached() for image in (*copies, other, without)]
    bench.purge_tags(f"d:{'0' * 64}", f"d:{digest}")
    for image, view in zip(copies, views, strict=False):
        image.must_miss(view, "after a purge of its digest")
    other.must_hit(views[2], "after a purge of another digest")
    without.must_hit(views[3], "after a purge of a digest, as a code without an original")
    return "all copies go under whatever code, and no other image"


@check("tags: all scopes in one list")
def mixed(bench: Bench) -> str:
    key, digest = f"owner-{bench.image().code}", hashlib.sha256(bench.image().code.encode()).hexdigest()
    images = [bench.image(), bench.image(takedown_owner=key), bench.image(takedown_digest=digest)]
    other = bench.image(takedown_owner=f"{key}x")
    views, kept = [image.cached() for image in images], other.cached()
    bench.purge_tags(f"d:{digest}", f"i:{images[0].code}", f"o:{key}")
    for image, view in zip(images, views, strict=True):
        image.must_miss(view, "after a purge of a list of code, owner and digest")
    other.must_hit(kept, "after a purge of other tags")
    return "code, owner and digest go with one request"


@check("tags: unknown content", Phase.ALONE)
def unknown_content(bench: Bench) -> str:
    image = bench.image()
    del image.script.headers["Takedown-Digest"]
    view = image.cached()
    bench.purge_tags(f"d:{hashlib.sha256(image.code.encode()).hexdigest()}")
    image.must_miss(view, "after a purge of any digest, without a Takedown-Digest of its own")
    return "an answer that named no digest goes with each purge of a digest"


@check("tags: repeated")
def repeated(bench: Bench) -> str:
    image = bench.image()
    view = image.cached()
    for _ in range(2):
        bench.purge_tags(f"i:{image.code}")
    now = image.must_miss(view, "after two purges")
    image.must_hit(now, "after it was fetched again")
    return "a repeated purge does no harm"


@check("flat cost", Phase.ALONE)
def flat_cost(bench: Bench) -> str:
    """A hit after many purges must cost what it cost before, also where each object is only tested at its next hit."""
    images = [bench.image() for _ in range(_HITS)]
    for image in images:
        image.cached()
    usual = min(_seconds(image) for image in images)
    for number in range(_LISTS):
        bench.purge_tags(*(f"d:{number:04}{tag:03}{'0' * 57}" for tag in range(_TAGS)))
    first, second = (
        min(times) for times in zip(*((_seconds(image), _seconds(image)) for image in images), strict=True)
    )
    seen = (
        f"a hit took {usual * 1e3:.2f} ms before {_LISTS * _TAGS:,} purged tags, "
        f"the next one of an image {first * 1e3:.2f} ms, and the one after that {second * 1e3:.2f} ms"
    )
    slowest, quickest = max(first, second), min(usual, second)
    require(slowest < _SLOWER * quickest or slowest < quickest + _LATER, seen)
    return seen


def _seconds(image: Image) -> float:
    """Time a request."""
    began = time.perf_counter()
    image.get()
    return time.perf_counter() - began
