"""Check the bans of Varnish's kind: of a list of codes, of owners, and of digests."""

import hashlib

from tests.conformance.bench import Bench
from tests.conformance.verdict import Phase, check


@check("ban of codes")
def codes(bench: Bench) -> str:
    first, second, other = bench.image(), bench.image(), bench.image()
    views = [first.cached(), second.cached(), second.cached(bench.cache.rendition), other.cached()]
    bench.tell("BAN", takedown_codes=f"{bench.image().code},{first.code},{second.code}")
    first.must_miss(views[0], "after a ban of a list with its code")
    second.must_miss(views[1], "after a ban of a list with its code")
    second.must_miss(views[2], "after a ban of a list with its code, for a rendition", bench.cache.rendition)
    other.must_hit(views[3], "after a ban of other codes")
    bench.tell("BAN", takedown_codes=other.code[:-1])
    other.must_hit(views[3], "after a ban of the beginning of its code")
    long = [f"{number:03}{'y' * 61}" for number in range(107)]  # of 65 bytes each, with a comma
    bench.tell("BAN", takedown_codes=",".join([*long, other.code]))
    other.must_miss(views[3], "after a ban of a list of 7,000 bytes")
    return "each code of the list goes, in all renditions, and no other"


@check("ban of owners")
def owners(bench: Bench) -> str:
    key = f"owner-{bench.image().code}"
    theirs = bench.image(takedown_owner=key)
    others = bench.image(takedown_owner=f"{key}2")
    nobodys = bench.image()
    views = [theirs.cached(), theirs.cached(bench.cache.rendition), others.cached(), nobodys.cached()]
    bench.tell("BAN", takedown_owners=f"nobody,{key}")
    theirs.must_miss(views[0], "after a ban of its owner")
    theirs.must_miss(views[1], "after a ban of its owner, for a rendition", bench.cache.rendition)
    others.must_hit(views[2], "after a ban of another owner")
    nobodys.must_hit(views[3], "after a ban of an owner, without one")
    return "all images of the owner go, and no other"


@check("ban of digests")
def digests(bench: Bench) -> str:
    digest, another = (hashlib.sha256(bench.image().code.encode()).hexdigest() for _ in range(2))
    copies = [bench.image(takedown_digest=digest) for _ in range(2)]
    other, without = bench.image(takedown_digest=another), bench.image(takedown_digest="none")
    views = [image.cached() for image in (*copies, other, without)]
    bench.tell("BAN", takedown_digests=f"{'0' * 64},{digest}")
    for image, view in zip(copies, views, strict=False):
        image.must_miss(view, "after a ban of its digest")
    other.must_hit(views[2], "after a ban of another digest")
    without.must_hit(views[3], "after a ban of a digest, as a code without an original")
    return "all copies go under whatever code, and no other image"


@check("ban of digests: unknown content", Phase.ALONE)
def unknown_content(bench: Bench) -> str:
    image = bench.image()
    del image.script.headers["Takedown-Digest"]
    view = image.cached()
    bench.tell("BAN", takedown_digests=hashlib.sha256(image.code.encode()).hexdigest())
    image.must_miss(view, "after a ban of any digest, without a Takedown-Digest of its own")
    return "an answer that named no digest goes with each ban of digests"


@check("ban repeated")
def repeated(bench: Bench) -> str:
    image = bench.image()
    view = image.cached()
    for _ in range(2):
        bench.tell("BAN", takedown_codes=image.code)
    now = image.must_miss(view, "after two bans")
    image.must_hit(now, "after it was fetched again")
    return "a repeated ban does no harm"
