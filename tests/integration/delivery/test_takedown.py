"""Take an image down by a row in ``bans``, and bring it back by lifting the ban."""

import hashlib
from email.utils import parsedate_to_datetime

import requests

from stack.processes.waiting import PATIENCE, wait_until
from tests.support.sites.site_actions import Site


def test_a_ban_takes_every_name_of_the_image_and_lifting_brings_the_same_bytes_back(site: Site) -> None:
    code, other = site.new_image(), site.new_image()
    names = [code, f"{code}/thumb", f"{code}?size=large&x=1", f"{code}/thumb?y"]
    before = {name: site.get(name) for name in names}
    for name in names:
        assert before[name].status_code == 200
        assert site.is_hit(name)
    assert site.get(other).status_code == 200

    site.ban(other)
    site.wait_gone(other)
    for name in names:
        assert site.is_hit(name), "a ban of another image must leave this one in the cache"

    site.ban(code)
    site.wait_gone(code)
    for name in names:
        for answer in (site.get(name), site.get(name, host="alias.example"), site.get(name, cookie="a=b")):
            assert answer.status_code == 410
            assert answer.headers["Content-Type"].startswith("image/")
            assert answer.headers["Cache-Control"] == "public, no-cache"
            assert answer.content != before[name].content

    site.lift(code)
    for name in names:
        site.wait_served(name)
    after = site.wait_dated(code)
    assert after.content == before[code].content
    assert after.headers["ETag"] == before[code].headers["ETag"]
    dates = [parsedate_to_datetime(answer.headers["Last-Modified"]) for answer in (before[code], after)]
    assert dates[0] < dates[1]


def test_a_ban_of_an_owner_takes_all_his_images_and_nobody_elses(site: Site) -> None:
    owner = site.new_owner()
    his, hers = [site.new_image(owner), site.new_image(owner)], site.new_image()
    assert all(site.is_hit(code) for code in (*his, hers) if site.get(code))

    site.ban(owner, scope="owner")
    for code in his:
        site.wait_gone(code)
        assert site.get(f"{code}/thumb").status_code == 410
    assert site.is_hit(hers)

    site.lift(owner)
    for code in his:
        site.wait_served(code)


def test_all_open_bans_must_be_lifted(site: Site) -> None:
    owner = site.new_owner()
    code = site.new_image(owner)
    site.ban(code)
    site.ban(owner, scope="owner")
    site.wait_gone(code)

    site.lift(owner)
    head = site.number("SELECT COUNT(*) FROM invalidations")
    wait_until(lambda: site.number("SELECT COUNT(*) FROM invalidations WHERE batch IS NULL") == 0, "all numbered")
    assert site.number("SELECT COUNT(*) FROM invalidations") >= head
    assert site.get(code).status_code == 410

    site.lift(code)
    site.wait_served(code)


def test_a_code_can_be_banned_before_it_has_an_image(site: Site) -> None:
    site.ban("not-yet")
    site.wait_gone("not-yet")
    assert site.get("not-yet/thumb").status_code == 410
    assert site.get("still-nothing").status_code == 404


def test_adding_an_image_takes_its_404_from_the_edge(site: Site) -> None:
    assert site.get("added-later").status_code == 404
    assert site.is_hit("added-later")
    site.new_image(code="added-later")
    assert site.get("added-later").status_code == 200


def test_replacing_an_image_takes_the_old_one_from_the_edge(site: Site) -> None:
    owner = site.new_owner()
    code = site.new_image(owner)
    old = site.get(code)
    site.new_image(owner, code)
    new = site.get(code)
    assert new.content != old.content
    assert new.headers["ETag"] != old.headers["ETag"]
    assert new.headers["ETag"].strip('"') == hashlib.sha256(new.content).hexdigest()


def test_deleting_or_moving_a_ban_lifts_it(site: Site) -> None:
    first, second = site.new_image(), site.new_image()
    site.ban(first)
    site.wait_gone(first)
    with site.moderation.cursor() as cursor:
        cursor.execute("UPDATE bans SET subject = %s WHERE subject = %s", (second, first))
    site.wait_gone(second)
    site.wait_served(first)
    with site.moderation.cursor() as cursor:
        cursor.execute("DELETE FROM bans WHERE subject = %s", (second,))
    site.wait_served(second)


def test_hits_ask_neither_the_origin_nor_the_database(site: Site) -> None:
    code = site.new_image()
    etag = site.get(code).headers["ETag"]
    site.get(f"{code}/thumb")

    def work() -> tuple[int, int]:
        """Count the fetches of the edge, and the statements of the origin."""
        statements = site.number("SELECT COUNT(*) FROM mysql.general_log WHERE user_host LIKE 'takedown_origin%'")
        return site.stack.edge.counters()["MAIN.backend_req"], statements

    with site.statement_log():
        before = work()
        site.get("never-imported")
        # A miss must show in the counters, or their standing still proves nothing. A thread of the edge adds what it
        # counted after its answer.
        wait_until(lambda: all(now > then for now, then in zip(work(), before, strict=True)), "the miss is counted")

        def nothing_asked() -> bool:
            """Tell whether no hit was counted as work. The purger may still probe for bans of other tests meanwhile."""
            before = work()
            for number in range(20):
                assert site.get(code).status_code == 200
                assert site.get(f"{code}/thumb?{number}").status_code == 200
                assert site.get(code, if_none_match=etag).status_code == 304
                assert site.get(code, range="bytes=0-9").status_code == 206
                assert requests.head(f"{site.stack.edge.url}/images/{code}", timeout=PATIENCE).status_code == 200
            return work() == before

        wait_until(nothing_asked, "a hundred hits that ask nobody")


def test_nothing_of_the_edge_or_the_origin_leaks(site: Site) -> None:
    code = site.new_image()
    for path, status in ((code, 200), ("unknown", 404)):
        origin = requests.get(f"{site.stack.origin.url}/images/{path}", timeout=PATIENCE)
        assert origin.status_code == status
        assert {"CDN-Cache-Control", "Takedown-Seen"} <= origin.headers.keys(), "there is something that could leak"
        assert site.get(path).status_code == status
    for answer in (site.get(code), site.get(code), site.get("unknown"), site.get("un known")):
        names = {name.lower() for name in answer.headers}
        assert not names & {"via", "x-varnish", "cdn-cache-control", "vary", "server"}
        assert not [name for name in names if name.startswith("takedown-")]
        # A digest may happen to have these digits.
        assert "86400" not in str({name: value for name, value in answer.headers.items() if name.lower() != "etag"})


def test_purge_methods_do_not_exist_on_the_public_listener(site: Site) -> None:
    code = site.new_image()
    token = {"Authorization": f"Bearer {site.stack.edge.token()}"}
    for method in ("PURGE", "BAN", "HEARTBEAT"):
        for url in (f"{site.stack.edge.url}/images/{code}", f"{site.stack.edge.url}/"):
            answer = requests.request(
                method, url, headers={**token, "Takedown-All": "1", "Takedown-Epoch": "1.0"}, timeout=PATIENCE
            )
            assert answer.status_code == 405
            assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert site.is_hit(code)
    assert site.stack.edge.trusted()


def test_the_purge_listener_refuses_without_the_token(site: Site) -> None:
    code = site.new_image()
    edge = site.stack.edge
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": "Bearer "}):
        for method, path in (("PURGE", f"/images/{code}"), ("BAN", "/"), ("HEARTBEAT", "/")):
            answer = requests.request(
                method, edge.purge_url + path, headers={**headers, "Takedown-All": "1"}, timeout=PATIENCE
            )
            assert answer.status_code == 403
    assert site.is_hit(code)
    assert edge.ask("PURGE", f"/images/{code}").headers["Takedown-Removed"] == "1"
    assert not site.is_hit(code)
