"""What a person sees: the second view costs 304s, a ban shows the special image, a lift the original."""

import json
from pathlib import Path
from typing import Any

from selenium.webdriver import Chrome

from stack.waiting import wait_until
from tests.site import Site

_ORIGINAL = [400, 300]  # the size in which the site draws its test images


def _shown(browser: Chrome) -> list[list[int]]:
    """The natural sizes of the page's images, once all have loaded; [0, 0] is a broken one."""

    def loaded() -> list[list[int]] | None:
        complete, sizes = browser.execute_script(
            "const all = [...document.images];"
            "return [all.every(i => i.complete), all.map(i => [i.naturalWidth, i.naturalHeight])]"
        )
        return sizes if complete else None

    return wait_until(loaded, "all images of the page loaded")


def _statuses(browser: Chrome) -> list[int]:
    """The statuses of the image requests that went over the wire since the last call."""
    urls: dict[str, str] = {}
    statuses: dict[str, int] = {}
    chrome: Any = browser  # get_log has no types
    for entry in chrome.get_log("performance"):
        message = json.loads(entry["message"])["message"]
        parameters = message["params"]
        if message["method"] == "Network.requestWillBeSent":
            urls[parameters["requestId"]] = parameters["request"]["url"]
        elif message["method"] == "Network.responseReceivedExtraInfo":
            statuses[parameters["requestId"]] = parameters["statusCode"]
    return sorted(status for request, status in statuses.items() if "/images/" in urls.get(request, ""))


def test_a_person_sees_a_takedown_and_its_lifting(site: Site, browser: Chrome, pages: tuple[Path, str]) -> None:
    directory, url = pages
    codes = [site.new_image() for _ in range(3)]
    images = "".join(f'<img src="{site.stack.edge.url}/images/{code}">' for code in codes)
    (directory / "page.html").write_text(f"<!doctype html><title>images</title>{images}")
    for code in codes:
        site.wait_dated(code)

    browser.get(f"{url}/page.html")
    assert _shown(browser) == [_ORIGINAL] * 3
    assert _statuses(browser) == [200, 200, 200]

    browser.get(f"{url}/page.html?again")
    assert _shown(browser) == [_ORIGINAL] * 3
    assert _statuses(browser) == [304, 304, 304]

    site.ban(codes[1])
    site.wait_gone(codes[1])
    browser.refresh()
    first, banned, third = _shown(browser)
    assert (first, third) == (_ORIGINAL, _ORIGINAL)
    assert banned not in (_ORIGINAL, [0, 0]), "the special image must show, neither the original nor a broken image"
    assert _statuses(browser) == [304, 304, 410]

    site.lift(codes[1])
    site.wait_served(codes[1])
    browser.get(f"{url}/page.html?lifted")
    assert _shown(browser) == [_ORIGINAL] * 3
