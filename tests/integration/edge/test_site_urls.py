"""Take images down under a site's own URLs, which docs/guide/urls.md maps to codes."""

import base64
import http.client
import random
import re
from collections.abc import Iterator
from contextlib import closing
from urllib.parse import quote, unquote_to_bytes

import pytest
import requests

from stack.processes.waiting import PATIENCE, wait_until
from stack.system import Stack, StackSettings
from tests.support.pages.markdown_pages import ROOT, block
from tests.support.sites.moderation_desk import run
from tests.support.sites.site_actions import Site

#: Names of images, and odd parts of URLs.
NAMES = ("ab.jpg", "a/b.jpg")
PIECES = [
    *("a", "b", "ab", "/", "//", ".", "..", "/../", "/./", ".jpg", ".JPG", "%61", "%62", "%2f", "%2F", "%2e", "%2E"),
    *("%00", "%0a", "%7f", "%ff", "%", "%%", "%zz", "%6", "?", "?w=200", "&w=200", "#", ";", "+", "%20", "\\", "~"),
    *("/media/", "/images/", "thumb", "/thumb", "YWIuanBn", "?/media/ab.jpg", "=", "\N{COMBINING DIAERESIS}"),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run a system whose edge maps names below /media/ as the page says, and keeps idle connections for long."""
    settings = StackSettings(
        edge_settings={
            "lease": 120.0,
            "fetch_timeout": 20.0,
            "urls": block(ROOT / "docs/guide/urls.md", "vcl", "blob.transcode"),
            "parameters": {"timeout_idle": PATIENCE},
        },
        purger_options={"PURGER_AUDIT_INTERVAL": "86400", "PURGER_PRUNE_INTERVAL": "86400"},
    )
    with Stack(tmp_path_factory.mktemp("stack"), settings) as running:
        yield running


def code_of(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


class Visitor:
    """A browser, which knows only the site's own URLs."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack

    def get(self, url: str, **headers: str) -> requests.Response:
        names = {name.replace("_", "-").title(): value for name, value in headers.items()}
        return requests.get(self.stack.edge.url + url, headers=names, timeout=PATIENCE)

    def wait(self, url: str, status: int) -> requests.Response:
        """Wait until the edge answers with a status, and return that answer."""

        def answer() -> requests.Response | None:
            found = self.get(url)
            return found if found.status_code == status else None

        return wait_until(answer, f"{status} for {url}")

    def is_hit(self, url: str) -> bool:
        return "; hit" in self.get(url).headers["Cache-Status"]


def test_a_ban_takes_an_image_under_the_sites_urls_and_lifting_brings_it_back(site: Site) -> None:
    visitor = Visitor(site.stack)
    name, other = "12/34/Sommer am Süd-See.jpg", "12/34/Winter.jpg"
    for each in (name, other):
        site.new_image(code=code_of(each))
    path = f"/media/{quote(name)}"
    urls = [path, f"{path}?w=200", path.replace("Sommer", "%53ommer"), f"{path}?w=20", f"/images/{code_of(name)}"]
    before = {url: visitor.get(url) for url in urls}
    etag, date = (before[path].headers[header] for header in ("ETag", "Last-Modified"))
    small = before[f"{path}?w=200"].headers["ETag"]
    assert small != etag
    for url in urls:
        assert before[url].status_code == 200
        assert visitor.is_hit(url)

    site.ban(code_of(other))
    visitor.wait(f"/media/{quote(other)}", 410)
    for url in urls:
        assert visitor.is_hit(url), "a ban of another image must leave this one in the cache"
    assert visitor.get(path, if_none_match=etag, if_modified_since=date).status_code == 304
    assert visitor.get(f"{path}?w=200", if_none_match=small).status_code == 304
    assert visitor.get(path, if_modified_since=date).status_code == 304
    assert visitor.get(path, range="bytes=0-9", if_range=etag).content == before[path].content[:10]

    site.ban(code_of(name))
    visitor.wait(path, 410)
    for url in urls:
        for answer in (visitor.get(url), visitor.get(url, if_none_match=f"{etag}, {small}", if_modified_since=date)):
            assert answer.status_code == 410
            assert answer.headers["Content-Type"].startswith("image/")
            assert answer.content != before[url].content

    site.lift(code_of(name))
    for url in urls:
        assert visitor.wait(url, 200).content == before[url].content
    assert visitor.get(path, if_none_match=etag).status_code == 304


def test_receipts_prove_an_image_gone_that_the_site_shows_under_its_own_url(site: Site) -> None:
    code = code_of("12/34/proof.jpg")
    site.new_image(code=code)
    site.ban(code)
    Visitor(site.stack).wait("/media/12/34/proof.jpg", 410)
    site.stack.settle()  # the edge shows it before the purger has recorded the acknowledgement
    shown = site.stack.purger.run("receipts", code, "--probe")
    assert shown.returncode == 0, shown.stderr
    assert "gone" in shown.stdout


def test_a_name_or_a_url_of_the_site_bans_what_visitors_see_there(site: Site) -> None:
    visitor, name = Visitor(site.stack), "12/34/Ü & =.jpg"
    code = site.new_image(code=code_of(name))
    path = f"/media/{quote(name)}"
    pasted = f"https://site.example/media/{name}?w=200#top"
    banned = run(site, "ban", pasted, "--wait", str(PATIENCE))
    assert visitor.get(path).status_code == 410
    assert f"'{pasted}' is taken for its code {code}" in banned.stderr
    assert f"image {code} ('{name}')\n" in banned.stdout
    assert f": image {code} ('{name}'), " in run(site, "bans", path).stdout
    site.stack.settle()
    shown = site.stack.purger.run("receipts", name, "--probe")
    assert (shown.returncode, shown.stdout.count(f"image {code} ('{name}')")) == (0, 2), shown.stderr
    run(site, "lift", name)
    assert visitor.wait(path, 200).content == site.get(code).content
    run(site, "ban", "--from", "-", stdin=f"{path}?w=200\n{name}\nhttp://x.example/images/{code}/thumb\n")
    visitor.wait(path, 410)


def test_a_guess_is_never_banned(site: Site) -> None:
    visitor, name = Visitor(site.stack), "12/34/Abc.jpg"
    shown = site.new_image(code=code_of(name))
    guessed = site.new_image(code="Abc")
    before = run(site, "bans", "--json").stdout
    for url in ("https://site.example/gallery/12/Abc.jpg", "/images/Abc.jpg", "/media/Abc", "https://site.example"):
        for flags in ([], ["--ahead", "--wait", "5"]):
            assert (
                "leads to no image at the edge edge1: give its code, or" in run(site, "ban", url, *flags, code=2).stderr
            )
    for text in ("Abc.jpg", "media/12/34/Abc.jpg", "site.example/media/12/34/Abc.jpg"):
        assert "no image was imported by this name" in run(site, "ban", text, "--ahead", code=2).stderr
    assert "no image has the code" in run(site, "ban", "/media/12/35/Abc.jpg", code=3).stderr
    refused = run(site, "ban", "--from", "-", "--ahead", code=3, stdin="Abc.jpg\nhttps://site.example/Abc.jpg\n")
    assert "2 lines refused" in refused.stdout
    assert run(site, "bans", "--json").stdout == before
    assert {visitor.get(f"/images/{code}").status_code for code in (shown, guessed)} == {200}


def test_a_list_of_urls_is_asked_over_one_connection_and_an_odd_line_spoils_no_other(site: Site) -> None:
    codes = [site.new_image(code=code_of(f"list/{number}.jpg")) for number in range(3)]
    lines = [f"https://site.example/media/list/{number % 3}.jpg?copy={number}" for number in range(498)]
    odd = {250: "https://me@site.example/media/list/0.jpg", 251: "/gallery/0.jpg"}
    for place, line in odd.items():
        lines.insert(place, line)
    result = run(site, "ban", "--from", "-", code=3, stdin="\n".join(lines))
    assert result.stdout == "banned 3 codes; 2 lines refused (0 without an image, 2 malformed)\n"
    assert f"line 251: '{odd[250]}' is no URL for the edge edge1: give its code" in result.stderr
    assert f"line 252: '{odd[251]}' leads to no image at the edge edge1: give its code" in result.stderr
    for code in codes:
        site.wait_gone(code)
    log = site.stack.edge.varnishlog("-c", "-g", "request", "-q", 'ReqURL ~ "copy="', "-i", "ReqStart,ReqURL")
    ports = set(re.findall(r"ReqStart +(\S+ \S+)", log))
    assert log.count("copy=") >= 498
    assert len(ports) == 1


def raw_get(connection: http.client.HTTPConnection, url: str) -> tuple[int, bytes]:
    """Send a URL as it is: libraries for browsers take dot segments and fragments out."""
    connection.putrequest("GET", url, skip_accept_encoding=True)
    connection.endheaders()
    answer = connection.getresponse()
    return answer.status, answer.read()


def settled_answer(connection: http.client.HTTPConnection, url: str) -> tuple[int, bytes]:
    """Return the answer for a URL that is no 503: the origin's, when the database was held up for two seconds."""

    def answer() -> tuple[int, bytes] | None:
        status, body = raw_get(connection, url)
        return None if status == 503 else (status, body)

    return wait_until(answer, f"an answer for {url[:100]}")


def asked_of_the_origin(stack: Stack) -> list[str]:
    """Return the URL of each fetch since the edge's start."""
    lines = stack.edge.varnishlog("-b", "-g", "raw", "-i", "BereqURL").splitlines()
    return [line.split()[-1] for line in lines]


def odd_urls() -> list[str]:
    """Return URLs of many spellings, and long ones. Each run has the same."""
    choose = random.Random(9)
    urls = ["/media/" + spelling(choose) for _ in range(1500)]
    urls += ["/media/ab.jpg", "/media/a%2fb.jpg?w=200", "/media/%61b.jpg#x", "/media//ab.jpg", "/media/./ab.jpg"]
    urls += ["/media/" + "a/" * 15_000 + "b.jpg", "/media/ab.jpg?" + "&w=200" * 5_000, "/media/ab.jpg?" + "?" * 30_000]
    urls += ["/media/" + "%61" * 10_000, "/media/" + "." * 30_000, "/media/ab" + "%2ejpg" * 5_000]
    return [quote(url, safe="/%?#&=;+\\~.:") for url in urls]


def spelling(choose: random.Random) -> str:
    """Spell the name of an image with and without %XX, mostly with odd parts somewhere."""
    parts = [choose.choice([part, part, f"%{ord(part):02x}", f"%{ord(part):02X}"]) for part in choose.choice(NAMES)]
    for _ in range(choose.choice([0, 1, 1, 2])):
        parts.insert(choose.randint(0, len(parts)), choose.choice(PIECES))
    return "".join(parts) + choose.choice(["", "?w=200", "?w=20"])


def test_no_spelling_shows_another_image_fills_the_cache_or_asks_for_another_url(site: Site) -> None:
    images: dict[str, set[bytes]] = {}
    for name in NAMES:
        code = site.new_image(code=code_of(name))
        images[name] = {site.get(path).content for path in (code, f"{code}/thumb")}
    fetched = {f"/images/{code_of(name)}{rendition}" for name in NAMES for rendition in ("", "/thumb")}
    # A thread of the edge may log a fetch after its answer.
    wait_until(lambda: fetched <= set(asked_of_the_origin(site.stack)), "the log of all fetches so far")
    before = asked_of_the_origin(site.stack)
    shown = []
    with closing(http.client.HTTPConnection("127.0.0.1", site.stack.edge.public_port, timeout=PATIENCE)) as connection:
        for url in odd_urls():
            status, body = settled_answer(connection, url)
            name = unquote_to_bytes(url.removeprefix("/media/").partition("?")[0]).decode(errors="replace")
            if status == 200:
                assert body in images[name], url
                shown.append(url)
            else:
                assert status == 404, url
    assert len(shown) > 20
    asked = asked_of_the_origin(site.stack)[len(before) :]
    assert len(asked) > 20
    assert [url for url in asked if not re.fullmatch(r"/images/[A-Za-z0-9_-]{1,64}(/thumb)?", url)] == []
    assert not {path for path in asked if path.split("/")[2] in map(code_of, NAMES)}, "an image was fetched once more"
