"""View a page in a browser: again it costs 304s, after a ban it shows the special image, after a lift the original."""

from pathlib import Path

from selenium.webdriver import Chrome

from tests.browser.rendered_page import BROKEN, ORIGINAL, shown, statuses
from tests.support.sites.site_actions import Site


def test_a_person_sees_a_takedown_and_its_lifting(site: Site, browser: Chrome, pages: tuple[Path, str]) -> None:
    directory, url = pages
    codes = [site.new_image() for _ in range(3)]
    images = "".join(f'<img src="{site.stack.edge.url}/images/{code}">' for code in codes)
    (directory / "page.html").write_text(f"<!doctype html><title>images</title>{images}")
    for code in codes:
        site.wait_dated(code)

    browser.get(f"{url}/page.html")
    assert shown(browser) == [ORIGINAL] * 3
    assert statuses(browser) == [200, 200, 200]

    browser.get(f"{url}/page.html?again")
    assert shown(browser) == [ORIGINAL] * 3
    assert statuses(browser) == [304, 304, 304]

    site.ban(codes[1])
    site.wait_gone(codes[1])
    site.wait_kept(codes[1])
    browser.refresh()
    first, banned, third = shown(browser)
    assert (first, third) == (ORIGINAL, ORIGINAL)
    assert banned not in (ORIGINAL, BROKEN), "the special image must show, neither the original nor a broken image"
    assert statuses(browser) == [304, 304, 410]

    site.lift(codes[1])
    site.wait_served(codes[1])
    site.wait_kept(codes[1])
    browser.get(f"{url}/page.html?lifted")
    assert shown(browser) == [ORIGINAL] * 3


def test_an_isolated_page_shows_no_image_of_an_origin_without_the_headers(
    site: Site, browser: Chrome, pages: tuple[Path, str]
) -> None:
    """Prove that test_cross_origin_pages.py sees an effect of the headers."""
    directory, url = pages
    image = f"{site.stack.edge.url}/images/{site.new_image()}"
    (directory / "isolated.html").write_text(f'<!doctype html><img src="{image}"><img crossorigin src="{image}">')
    browser.get(f"{url}/isolated.html")
    assert shown(browser) == [BROKEN, BROKEN]
