"""Check the site's way: a verdict of the origin, then the bytes of a slow server, and the fence over both legs.

The suite plays both servers. A purge comes during the first leg, before the head of the second, or within its body.
"""

import time

from tests.conformance.bench import Bench, PendingView, SitePicture
from tests.conformance.fence import held_across
from tests.conformance.http_exchange import Reply
from tests.conformance.verdict import Phase, check, require

#: Seconds for a request to reach the cache, before the fetch that it waits for goes on.
_ARRIVES = 0.15


def _ban(bench: Bench, picture: SitePicture, **headers: str) -> Reply:
    """Let the next verdict be that the picture is banned, and send the purge."""
    picture.ban()
    return bench.purge_tags(f"i:{picture.code}", **headers)


def _must_be_gone(picture: SitePicture, when: str) -> None:
    later = picture.get()
    require(later.fetch is None, f"after a purge {when} the site's bytes were shown")
    require(later.reply.status == 410, f"after a purge {when} a request was answered {later.reply}")


@check("site: a verdict, then the bytes", needs_site=True)
def both_legs(bench: Bench) -> str:
    picture = bench.site_picture()
    picture.script.headers |= {"Set-Cookie": "a=b", "Takedown-State": "banned", "Cache-Control": "max-age=600"}
    shown = picture.cached().reply
    asked = picture.verdict.fetches[0]
    require(asked.headers.get("takedown-url") == picture.place, "the verdict was not asked for this URL")
    host = asked.headers.get("takedown-host")
    require(host == picture.script.fetches[0].headers.get("host"), "the legs name different hosts")
    leaked = {"set-cookie", "takedown-state"} & shown.headers.keys()
    require(not leaked, f"of the site's server clients get {', '.join(sorted(leaked))}")
    browsers = shown.headers.get("cache-control", "nothing")
    require("600" not in browsers, f"the site's server tells browsers {browsers}, and not the verdict")
    view = picture.get()
    bench.purge_tags(f"i:{picture.code}")
    picture.must_miss(view, "after a purge of the code that the verdict named")
    return "each fetch asked for the verdict first; the object goes with the code of the verdict"


@check("site: a banned URL", needs_site=True)
def banned(bench: Bench) -> str:
    picture = bench.site_picture()
    picture.ban()
    asked = []
    for _ in range(2):
        reply = picture.get().reply
        asked.append(len(picture.verdict.fetches))
        require(reply.status == 410 and reply.headers.get("takedown-state") == "banned", f"the answer was {reply}")
    require(not picture.script.fetches, "the site's server was asked for what is banned")
    require(asked[0] == asked[1], "the special image was not cached")
    picture.lift()
    bench.purge_tags(f"i:{picture.code}")
    require(picture.get().fetch, "after the lift and its purge the picture was not shown")
    return "the special image is kept, goes with the purge of the lift, and the site's server is not asked before"


@check("site fence: purge during the verdict", needs_site=True)
def during_verdict(bench: Bench) -> str:
    picture = bench.site_picture()
    with picture.held_verdict() as pending:
        _ban(bench, picture)
    require(pending.view().fetch is None, "the client that waited got bytes by a verdict from before the purge")
    _must_be_gone(picture, "during the verdict")
    return "the verdict from before the purge showed nothing, to those who waited either"


@check("site fence: purge before the bytes", needs_site=True)
def before_bytes(bench: Bench) -> str:
    picture = bench.site_picture()
    with picture.held_fetch() as before:
        _ban(bench, picture)
        after = PendingView(picture)
        time.sleep(_ARRIVES)
    require(after.view().fetch is None, "a request that was sent after the purge got the bytes")
    require(before.view().fetch is None, "the client that waited got the bytes from before the purge")
    _must_be_gone(picture, "while the site's server was slow")
    return "a slow answer of the site's server was not shown after the purge"


@check("site fence: purge within the bytes", needs_site=True)
def within_bytes(bench: Bench) -> str:
    picture = bench.site_picture()
    held_across(picture, lambda: bench.purge_tags(f"i:{picture.code}"), within_body=True)
    picture.cached()
    return "the answer that was arriving was not a hit afterwards"


@check("site fence: a verdict that has not seen the purge", Phase.ALONE, needs_site=True)
def unseen(bench: Bench) -> str:
    """The number of the purge counts for the second leg, too, and the next verdict may still be too old."""
    picture = bench.site_picture(takedown_seen=str(bench.batch(0)))
    with picture.held_fetch() as pending:
        bench.purge_tags(f"i:{picture.code}", takedown_part_of=str(bench.batch(1)))
    pending.view()
    require(len(picture.verdict.fetches) > 1, "a verdict that has not seen the purge was accepted")
    view = picture.get()
    require(picture.get().fetch != view.fetch or view.fetch is None, "an answer that has not seen the purge is a hit")
    picture.verdict.headers["Takedown-Seen"] = str(bench.batch(1))
    picture.cached()
    return "it asks for the verdict again, and keeps nothing until one has seen the batch"


@check("site: other content under the URL", needs_site=True)
def other_content(bench: Bench) -> str:
    picture = bench.site_picture()
    picture.expect(etag='"old"')
    reply = picture.get()
    asked = [fetch.headers.get("takedown-changed-content") for fetch in picture.verdict.fetches]
    require(asked[0] is None and "1" in asked, "the verdict was not asked again, with Takedown-Changed-Content")
    require(reply.reply.status == 503 and reply.fetch is None, f"bytes that nobody looked at: {reply.reply}")
    picture.expect(etag='"new"')
    picture.script.headers["ETag"] = '"new"'
    picture.cached()
    return "other validators than Takedown-Expect: the verdict is asked again, then 503; the expected ones are shown"


@check("site: its server fails", needs_site=True)
def failing(bench: Bench) -> str:
    for status in (500, 503, 404, 403):
        picture = bench.site_picture()
        picture.script.status = status
        reply = picture.get().reply
        require(reply.status in (status, 503), f"{status} of the site's server is delivered as {reply}")
        picture.script.status = 200
        require(picture.get().reply.status == 200, f"after {status} of the site's server the next answer was no 200")
    picture = bench.site_picture()
    picture.verdict.status = 503
    require(picture.get().reply.status == 503, "without a verdict a URL was answered")
    require(not picture.script.fetches, "without a verdict the site's server was asked")
    return "an error of the site's server is not kept, and without a verdict nothing is asked or shown"
