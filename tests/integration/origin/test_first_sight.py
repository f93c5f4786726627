"""Let a real origin judge URLs of a site's own server, whose content it reads before it answers."""

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import pytest
import requests

from stack.origin import Origin
from stack.processes.commands import command, run_apart
from stack.processes.waiting import PATIENCE, wait_until
from takedown_base.name_codes import code_of_name
from tests.support.ask_again import ask_again
from tests.support.sites.origin_site import OriginSite
from tests.support.sites.site_server import SiteServer

RULES = r"""[[rule]]
match = '^/images/(?:thumb/)?(?P<name>[^/]+)'
"""
THREADS = 6


@pytest.fixture(scope="module")
def server() -> Iterator[SiteServer]:
    with SiteServer() as running:
        yield running


@pytest.fixture(scope="module")
def site(server: SiteServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OriginSite]:
    directory = tmp_path_factory.mktemp("first_sight")
    (directory / "rules.toml").write_text(RULES + server.table())
    rules = str(directory / "rules.toml")
    with OriginSite(directory, ORIGIN_WORKERS="1", ORIGIN_THREADS=str(THREADS), ORIGIN_RULES=rules) as running:
        yield running


def ask_once(origin: Origin, url: str, *, host: str = "h", changed: bool = False) -> requests.Response:
    fields = {"Takedown-URL": url, "Takedown-Host": host} | ({"Takedown-Changed-Content": "1"} if changed else {})
    return requests.get(f"{origin.url}/verdict", headers=fields, timeout=PATIENCE)


def ask(site: OriginSite, url: str, *, host: str = "h", changed: bool = False) -> requests.Response:
    return ask_again(lambda: ask_once(site.origin, url, host=host, changed=changed), url)


def digest_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def expected(data: bytes) -> str:
    return (
        f'length={len(data)}|etag="{digest_of(data)[:12]}"|last-modified=Tue, 01 Dec 2020 10:00:00 GMT'  # of SiteServer
    )


def ban(site: OriginSite, data: bytes) -> None:
    site.execute("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", digest_of(data))


def lift(site: OriginSite, data: bytes) -> None:
    site.execute("UPDATE bans SET lifted_at = UTC_TIMESTAMP() WHERE subject = %s", digest_of(data))


def purged(site: OriginSite, name: str) -> list[str]:
    """Return the causes of the purges of an image, in their order."""
    with site.admin.cursor() as cursor:
        cursor.execute(
            "SELECT cause FROM invalidations WHERE scope = 'image' AND subject = %s ORDER BY id", (code_of_name(name),)
        )
        return [cause for (cause,) in cast(list[tuple[str]], cursor.fetchall())]


def test_an_unknown_url_is_read_once_and_known_from_then_on(site: OriginSite, server: SiteServer) -> None:
    server.files["/images/new.png?v=1"] = data = b"new picture"
    for _ in range(3):
        shown = ask(site, "/images/new.png?v=1", host="www.example.org")
        assert (shown.status_code, shown.headers["Takedown-Image"]) == (204, code_of_name("new.png"))
        assert shown.headers["Takedown-Digest"] == digest_of(data)
        assert shown.headers["Takedown-Expect"] == expected(data)
        assert shown.headers["Takedown-Seen"] == str(site.last_batch())
    assert server.asked["www.example.org/images/new.png?v=1"] == 1
    ask(site, "/images/new.png?v=1", host="other.example.org")
    assert server.asked["other.example.org/images/new.png?v=1"] == 1, "another host may have another picture"


def test_the_site_s_server_gets_a_plain_request(site: OriginSite, server: SiteServer) -> None:
    server.heads.clear()
    server.files["/images/plain.png"] = b"plain"
    ask(site, "/images/plain.png", host="www.example.org:8080")
    (head,) = server.heads
    assert head == {"Host": "www.example.org:8080", "User-Agent": "edge-takedown", "Connection": "close"}


@pytest.mark.parametrize(("said", "sent"), [("https", "https"), ("http", "http"), ("https, http", None), ("", None)])
def test_a_server_that_leads_visitors_to_https_sees_the_scheme_of_the_visitor(
    site: OriginSite, server: SiteServer, said: str, sent: str | None
) -> None:
    url = f"/images/scheme-{len(said)}.png"
    server.files[url] = b"secure"
    server.heads.clear()
    fields = {"Takedown-URL": url, "Takedown-Host": "h", "X-Forwarded-Proto": said}
    ask_again(lambda: requests.get(f"{site.origin.url}/verdict", headers=fields, timeout=PATIENCE), url)
    (head,) = server.heads
    assert head.get("X-Forwarded-Proto") == sent


def test_the_log_says_that_the_server_shows_the_edge_more_than_the_origin(
    site: OriginSite, server: SiteServer, tmp_path: Path
) -> None:
    url = "/images/walled.png"
    server.moved[url] = "/login"
    (tmp_path / "rules.toml").write_text(RULES + server.table())
    with site.another_origin("walled", ORIGIN_WORKERS="1", ORIGIN_RULES=str(tmp_path / "rules.toml")) as origin:
        answer = ask_again(lambda: ask_once(origin, url), url)
        assert answer.headers["Takedown-Expect"] == "none"
        assert "got status" not in origin.log_text(), "the edge may be answered the same"
        ask_again(lambda: ask_once(origin, url, changed=True), url)
        assert "got status 302, and the edge got content: the URL is 503" in origin.log_text()


def test_what_is_no_picture_is_not_recorded_and_no_bytes_are_expected(site: OriginSite, server: SiteServer) -> None:
    server.files["/secret"] = b"somebody else's"
    server.moved["/images/moved.png"] = "/secret"
    for url in ("/images/missing.png", "/images/moved.png"):
        for time in (1, 2):
            answer = ask(site, url)
            assert (answer.status_code, answer.headers["Takedown-Digest"]) == (204, "none")
            assert answer.headers["Takedown-Expect"] == "none"
            assert server.asked[f"h{url}"] == time
    assert server.asked["h/secret"] == 0


def test_other_content_is_read_again_when_the_edge_says_so(site: OriginSite, server: SiteServer) -> None:
    server.files["/images/again.png"] = b"first"
    assert ask(site, "/images/again.png").headers["Takedown-Expect"] == expected(b"first")
    server.files["/images/again.png"] = b"the second"
    assert ask(site, "/images/again.png").headers["Takedown-Expect"] == expected(b"first")
    for changed in (True, False):
        answer = ask(site, "/images/again.png", changed=changed)
        assert answer.headers["Takedown-Expect"] == expected(b"the second")
        assert answer.headers["Takedown-Digest"] == digest_of(b"the second")
    assert server.asked["h/images/again.png"] == 2


def test_a_ban_by_content_takes_every_url_of_the_image_until_it_is_lifted(site: OriginSite, server: SiteServer) -> None:
    urls = ["/images/cat.png", "/images/thumb/cat.png/120px.png", "/images/thumb/cat.png/20px.png"]
    for url in urls:
        server.files[url] = f"cat at {url}".encode()
    assert [ask(site, url).status_code for url in urls[:2]] == [204, 204]
    ban(site, server.files[urls[0]])
    for url in urls:
        banned = ask(site, url)
        assert (banned.status_code, banned.headers["Takedown-State"]) == (410, "banned")
        assert banned.headers["Takedown-Changed"] == "pending"
    assert server.asked[f"h{urls[2]}"] == 0, "nothing is read of an image that is banned"
    site.number()
    assert purged(site, "cat.png") == ["resend"], "the thumbnails that edges hold go with the digest"
    lift(site, server.files[urls[0]])
    assert [ask(site, url).status_code for url in urls] == [204, 204, 204]
    site.number()
    assert purged(site, "cat.png") == ["resend", "resend"]


@pytest.mark.parametrize("first", ["record", "ban"])
def test_a_file_that_was_uploaded_before_its_metadata_went_is_banned_as_what_was_kept(
    site: OriginSite, server: SiteServer, first: str
) -> None:
    data = f"picture with metadata, {first}".encode()
    kept = digest_of(f"without, {first}".encode())
    names = [kept, *(hashlib.new(kind, data).hexdigest() for kind in ("sha256", "sha1", "md5"))]
    site.execute("CALL note_contents(%s)", json.dumps([names]))
    url = f"/images/kept-{first}.png"
    server.files[url] = data
    if first == "record":
        assert ask(site, url).status_code == 204
    site.execute("INSERT INTO bans (scope, subject) VALUES ('digest', %s)", kept)
    assert ask(site, url).status_code == 410


def test_banned_content_under_another_name_goes_at_its_first_sight(site: OriginSite, server: SiteServer) -> None:
    data = b"banned before anybody saw it"
    server.files["/images/thumb/copy.png/20px.png"] = b"its thumbnail"
    assert ask(site, "/images/thumb/copy.png/20px.png").status_code == 204
    ban(site, data)
    server.files["/images/copy.png"] = data
    assert purged(site, "copy.png") == []
    assert ask(site, "/images/copy.png").status_code == 410
    assert purged(site, "copy.png") == ["resend"], "an edge may hold the thumbnail"
    assert ask(site, "/images/thumb/copy.png/20px.png").status_code == 410


def test_new_content_under_a_url_may_be_banned_too(site: OriginSite, server: SiteServer) -> None:
    server.files["/images/swap.png"] = b"harmless"
    assert ask(site, "/images/swap.png").status_code == 204
    server.files["/images/swap.png"] = b"harmful"
    ban(site, b"harmful")
    assert ask(site, "/images/swap.png", changed=True).status_code == 410


def test_a_server_that_is_down_shows_nothing_unknown_and_all_that_is_known(
    site: OriginSite, server: SiteServer
) -> None:
    server.files["/images/known.png"] = server.files["/images/unknown.png"] = b"up again"
    assert ask(site, "/images/known.png").status_code == 204
    server.stop()
    try:
        answer = ask_once(site.origin, "/images/unknown.png")
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Takedown-Image" not in answer.headers
        assert ask(site, "/images/known.png").status_code == 204
        assert ask_once(site.origin, "/images/known.png", changed=True).status_code == 503
    finally:
        server.start()
    assert ask(site, "/images/unknown.png").headers["Takedown-Digest"] == digest_of(b"up again")


def test_content_whose_validators_cannot_be_compared_is_not_shown(site: OriginSite, server: SiteServer) -> None:
    server.files["/images/tag.png"] = b"tagged"
    server.etags["/images/tag.png"] = f'"{"x" * 300}"'
    assert ask_once(site.origin, "/images/tag.png").status_code == 503
    del server.etags["/images/tag.png"]
    assert ask(site, "/images/tag.png").status_code == 204


def test_many_questions_for_one_url_are_one_request_to_the_site(site: OriginSite, server: SiteServer) -> None:
    server.files["/images/crowd.png"] = b"crowd"
    server.gate.clear()
    with ThreadPoolExecutor(3) as pool:
        answers = [pool.submit(ask_once, site.origin, "/images/crowd.png") for _ in range(3)]
        wait_until(lambda: server.asked["h/images/crowd.png"], "the request to the site")
        server.gate.set()
        assert all(answer.result().headers.get("Takedown-Digest") == digest_of(b"crowd") for answer in answers)
    assert server.asked["h/images/crowd.png"] == 1


def test_a_flood_of_unknown_urls_at_a_slow_server_holds_up_nothing_else(site: OriginSite, server: SiteServer) -> None:
    server.files["/images/calm.png"] = b"calm"
    assert ask(site, "/images/calm.png").status_code == 204
    urls = [f"/images/flood-{number}.png" for number in range(30)]
    server.files |= dict.fromkeys(urls, b"flood")
    server.gate.clear()
    with ThreadPoolExecutor(len(urls)) as pool:
        answers = [pool.submit(ask_once, site.origin, url) for url in urls]
        refused = wait_until(lambda: [each for each in answers if each.done()], "an answer that does not wait")
        assert {each.result().status_code for each in refused} == {503}
        assert ask(site, "/images/calm.png").status_code == 204, "what is known is answered meanwhile"
        assert any(not each.done() for each in answers)
        server.gate.set()
        for answer in answers:
            assert answer.result().status_code in (204, 503)
    # Those who did not wait find the record later: the readings go on.
    assert [ask(site, url).status_code for url in urls] == [204] * len(urls)
    assert max(server.asked[f"h{url}"] for url in urls) == 1


def test_the_setting_after_shows_first_and_looks_later(site: OriginSite, server: SiteServer, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES + server.table("after"))
    server.files["/images/late.png"] = b"late"
    rules = str(tmp_path / "rules.toml")
    with site.another_origin("after", ORIGIN_WORKERS="1", ORIGIN_RULES=rules) as origin:
        server.gate.clear()
        first = ask_again(lambda: ask_once(origin, "/images/late.png"), "late.png")
        assert (first.status_code, first.headers["Takedown-Digest"]) == (204, "none")
        assert "Takedown-Expect" not in first.headers
        ban(site, b"late")
        server.gate.set()
        wait_until(lambda: ask_once(origin, "/images/late.png").status_code == 410, "the ban")
        # The record is committed before it is compared with the bans.
        wait_until(lambda: purged(site, "late.png") == ["resend"], "the purge of edges that have it already")


def test_no_other_host_than_those_of_the_file_shows_an_image(
    site: OriginSite, server: SiteServer, tmp_path: Path
) -> None:
    table = server.table().replace("[[site]]", '[[site]]\nhost = "www.example.org"')
    (tmp_path / "rules.toml").write_text(RULES + table)
    server.files["/images/host.png"] = b"host"
    with site.another_origin("host", ORIGIN_WORKERS="1", ORIGIN_RULES=str(tmp_path / "rules.toml")) as origin:
        for host, status in (("www.example.org", 204), ("made.up.example", 404), ("", 404)):
            answer = ask_again(lambda: ask_once(origin, "/images/host.png", host=host), host)  # noqa: B023
            assert answer.status_code == status, host
        assert answer.headers["Takedown-Rule"] == "unreadable"


def test_a_replica_cannot_record_and_is_refused(site: OriginSite, server: SiteServer, tmp_path: Path) -> None:
    (tmp_path / "rules.toml").write_text(RULES + server.table())
    serving = run_apart(
        [command("origin"), "serve", "--rules", str(tmp_path / "rules.toml"), "--replica", "--listen", "127.0.0.1:0"],
        site.origin.envvars,
    )
    assert serving.returncode == 1
    assert "--replica records nothing" in serving.stderr
