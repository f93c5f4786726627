"""Show images on pages of other sites (cross-origin) with the headers that allow it, and over HTTP/2 and TLS."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from selenium.webdriver import Chrome

from stack.edges.hitch import Hitch
from stack.processes.waiting import PATIENCE
from stack.system import Stack, StackSettings
from tests.browser.rendered_page import BROKEN, ORIGINAL, shown, statuses
from tests.support.ask_again import ask_again
from tests.support.certificates import Authority
from tests.support.sites.site_actions import Site

HEADERS = {
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Allow-Origin": "*",
    "Timing-Allow-Origin": "*",
}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    lines = "\n".join(f"{name}: {value}" for name, value in HEADERS.items())
    settings = StackSettings(origin_options={"ORIGIN_HEADER": lines}, edge_settings={"tls": True, "lease": 120.0})
    with Stack(tmp_path_factory.mktemp("origins"), settings) as running:
        yield running


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"), "ours")


@pytest.fixture(scope="module")
def hitch(stack: Stack, authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hitch]:
    directory = tmp_path_factory.mktemp("hitch")
    pem = authority.sign("127.0.0.1").pem(directory / "site.pem")
    with Hitch(directory, stack.edge.tls_port, pem, http2=True) as running:
        yield running


def ask(url: str, headers: dict[str, str]) -> requests.Response:
    return ask_again(lambda: requests.get(url, headers=headers, timeout=PATIENCE), url)


def timings(browser: Chrome) -> list[dict[str, Any]]:
    """Return the resource timings of the page's images."""
    entries: list[dict[str, Any]] = browser.execute_script(
        "return performance.getEntriesByType('resource').filter(e => e.initiatorType == 'img').map(e => e.toJSON())"
    )
    return entries


def test_every_answer_of_the_origin_has_the_headers_and_the_edge_sends_them_on(site: Site) -> None:
    code, banned, damaged = site.new_image(), site.new_image(), site.new_image()
    etag = site.get(code).headers["ETag"]
    site.ban(banned)
    site.wait_gone(banned)
    digest = site.get(damaged).headers["ETag"].strip('"')
    asked: list[tuple[int, str, dict[str, str]]] = [
        (200, code, {}),
        (200, f"{code}/thumb", {}),
        (304, code, {"If-None-Match": etag}),
        (206, code, {"Range": "bytes=0-9"}),
        (410, banned, {}),
        (404, "nobody-has-this", {}),
    ]
    of_origin = [
        (416, code, {"Range": "bytes=99999999-"}),
        (400, code, {"Host": "a b"}),
        (404, "no/such/path", {}),
    ]
    for base, cases in ((site.stack.edge.url, asked), (site.stack.origin.url, [*asked, *of_origin])):
        for status, path, headers in cases:
            answer = ask(f"{base}/images/{path}", headers)
            assert answer.status_code == status
            assert HEADERS.items() <= answer.headers.items(), (base, path, headers)
    answer = requests.post(f"{site.stack.origin.url}/images/{code}", timeout=PATIENCE)
    assert answer.status_code == 405
    assert HEADERS.items() <= answer.headers.items()
    (site.stack.origin.files / digest[:2] / digest[2:4] / digest).unlink()
    answer = ask(f"{site.stack.origin.url}/images/{damaged}", {})
    assert answer.status_code == 500
    assert HEADERS.items() <= answer.headers.items()


def test_an_isolated_page_shows_the_images_and_knows_how_they_came(
    site: Site, browser: Chrome, pages: tuple[Path, str]
) -> None:
    directory, url = pages
    code = site.new_image()
    image = f"{site.stack.edge.url}/images/{code}"
    (directory / "isolated.html").write_text(f'<!doctype html><img src="{image}"><img crossorigin src="{image}?x">')
    browser.get(f"{url}/isolated.html")
    assert browser.execute_script("return crossOriginIsolated") is True
    assert shown(browser) == [ORIGINAL, ORIGINAL]
    assert all(entry["responseStart"] > 0 and entry["decodedBodySize"] > 0 for entry in timings(browser))
    statuses(browser)
    browser.refresh()
    assert shown(browser) == [ORIGINAL, ORIGINAL]
    assert statuses(browser) == [304, 304]

    site.ban(code)
    site.wait_gone(code)
    site.wait_kept(code)
    browser.refresh()
    assert not [size for size in shown(browser) if size in (ORIGINAL, BROKEN)], "the special image"


def test_a_browser_speaks_http_2_to_the_edge_and_asks_again_over_one_connection(
    site: Site, hitch: Hitch, browser: Chrome, pages: tuple[Path, str]
) -> None:
    directory, url = pages
    codes = [site.new_image() for _ in range(3)]
    images = "".join(f'<img src="{hitch.url}/images/{code}">' for code in codes)
    (directory / "page.html").write_text(f"<!doctype html>{images}")
    for view, status in (("first", 200), ("second", 304)):
        browser.get(f"{url}/page.html?{view}")
        assert shown(browser) == [ORIGINAL] * 3
        assert statuses(browser) == [status] * 3
        assert [entry["nextHopProtocol"] for entry in timings(browser)] == ["h2"] * 3
    site.ban(codes[0])
    site.wait_gone(codes[0])
    site.wait_kept(codes[0])
    browser.get(f"{url}/page.html?third")
    assert shown(browser)[0] not in (ORIGINAL, BROKEN)
    assert statuses(browser) == [304, 304, 410]


@pytest.mark.parametrize("method", ["PURGE", "BAN", "HEARTBEAT"])
def test_nobody_purges_over_tls_for_browsers(
    site: Site, hitch: Hitch, authority: Authority, browser: Chrome, method: str
) -> None:
    """Try it with the right token, over HTTP/2 and HTTP/1.1."""
    code = site.new_image()
    image = f"{hitch.url}/images/{code}"
    headers = {"Authorization": f"Bearer {site.stack.edge.token()}", "Takedown-All": "1"}
    browser.get(image)
    protocol, status = browser.execute_async_script(
        "const [url, method, headers, done] = arguments;"
        "const protocol = performance.getEntriesByType('navigation')[0].nextHopProtocol;"
        "fetch(url, {method, headers}).then(answer => done([protocol, answer.status]), error => done([`${error}`, 0]))",
        image,
        method,
        headers,
    )
    assert (protocol, status) == ("h2", 405)
    answer = requests.request(method, image, headers=headers, verify=str(authority.file), timeout=PATIENCE)
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, HEAD, OPTIONS"
    assert not [name for name in answer.headers if name.startswith("Takedown-")]
    again = requests.get(image, verify=str(authority.file), timeout=PATIENCE)
    assert "; hit" in again.headers["Cache-Status"]
