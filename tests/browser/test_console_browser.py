"""Use the console in a browser: a moderator bans an image and watches it go at every edge; others only look."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from stack.console import Console
from stack.waiting import wait_until
from tests.support.sites.console_site import console_of, run_stack
from tests.support.sites.site_actions import Site

stack = pytest.fixture(scope="module")(run_stack)
console = pytest.fixture(console_of)


def sign_in(browser: Chrome, console: Console, name: str) -> None:
    """Sign in only by keyboard: the first field has the focus."""
    browser.get(console.url)
    wait_focus(browser, "name")
    browser.switch_to.active_element.send_keys(name, Keys.TAB, console.password, Keys.ENTER)
    wait_until(lambda: "Is it gone everywhere?" in browser.page_source, "the overview")


def wait_focus(browser: Chrome, field: str) -> None:
    """Wait until a field has the focus: a page gets it when it is first drawn, which may be after it has loaded."""
    wait_until(lambda: browser.execute_script("return document.activeElement.name") == field, f"the focus on {field}")


def wait_page(browser: Chrome, condition: Callable[[], bool], what: str) -> None:
    """Wait for what a page shows. A page that met a database that is late is 503, and is loaded again."""

    def shown() -> bool:
        if "The database cannot be used" in browser.page_source:
            browser.refresh()
        return condition()

    wait_until(shown, what)


def seen(browser: Chrome, selector: str) -> list[str]:
    """Return the texts of the elements that a selector finds, as they are shown now."""
    texts: list[str] = browser.execute_script(
        "return [...document.querySelectorAll(arguments[0])].map(e => e.innerText.trim())", selector
    )
    return texts


def pressed(browser: Chrome, by: str, value: str) -> bool:
    """Click on an element; return False where the page has replaced it meanwhile, as when an edge answers late."""
    try:
        browser.find_element(by, value).click()
    except StaleElementReferenceException:
        return False
    return True


def filters(browser: Chrome) -> list[str]:
    """Return how each picture of an edge is blurred, as it is shown now."""
    found: list[str] = browser.execute_script(
        "return [...document.querySelectorAll('#views .picture img')].map(e => getComputedStyle(e).filter)"
    )
    return found


def complaints(browser: Chrome) -> list[str]:
    """Return what the browser has blocked or failed to run since the last call.

    A 503 is neither: the database is late, and the page asks again.
    """
    chrome: Any = browser  # get_log has no types
    messages = [str(entry["message"]) for entry in chrome.get_log("browser") if entry["level"] == "SEVERE"]
    return [message for message in messages if "a status of 503" not in message]


def test_a_moderator_bans_an_image_and_watches_it_go_at_every_edge(
    site: Site, browser: Chrome, console: Console
) -> None:
    code = site.new_image()
    sign_in(browser, console, "anna")
    browser.find_element(By.ID, "q").send_keys(code, Keys.ENTER)
    wait_page(browser, lambda: seen(browser, "#views figcaption .badge") == ["shown"] * 4, "the image at both edges")
    blurred = "blur(18px) grayscale(1)"
    wait_until(lambda: filters(browser) == [blurred] * 4, "blurred pictures")

    def asked_for() -> bool:
        """Ask for the first picture, again where the page has replaced it since."""
        if filters(browser)[:1] == [blurred]:
            pressed(browser, By.CSS_SELECTOR, "#views label")
        return filters(browser) == ["none", *[blurred] * 3]

    wait_until(asked_for, "the first picture, and no other")

    wait_until(lambda: pressed(browser, By.LINK_TEXT, "Ban this image …"), "the link to the ban")
    wait_page(browser, lambda: any("at 2 enabled edges" in text for text in seen(browser, ".plan li")), "its numbers")
    wait_focus(browser, "reason")
    browser.switch_to.active_element.send_keys("a court's order", Keys.ENTER)
    wait_until(lambda: "is written" in browser.page_source, "the ban")
    document = browser.find_element(By.ID, "subject")
    wait_until(lambda: seen(browser, "#views figcaption .badge") == ["gone"] * 4, "the special image at both edges")
    wait_until(lambda: sum("gone (410)" in text for text in seen(browser, "#subject td")) == 2, "both receipts")
    assert document.is_displayed(), "the page has changed by itself, and was not loaded again"
    wait_until(lambda: seen(browser, "#subject .verdict")[0].startswith("Banned, and gone everywhere"), "the verdict")

    browser.get(console.url)
    wait_until(lambda: any("a court's order" in text for text in seen(browser, ".takedown")), "it in the list")
    assert complaints(browser) == []


def test_someone_who_may_only_look_sees_it_and_has_no_button(site: Site, browser: Chrome, console: Console) -> None:
    code = site.new_image()
    sign_in(browser, console, "wall")
    browser.get(f"{console.url}/image/{code}")
    wait_page(browser, lambda: seen(browser, "#views figcaption .badge") == ["shown"] * 4, "the image at both edges")
    assert seen(browser, ".actions, .actions a") == []
    browser.get(f"{console.url}/ban/image/{code}")
    assert "may see everything, but not moderate" in browser.page_source
    status = browser.execute_async_script(
        "const [path, done] = arguments;"
        "const token = document.querySelector('[name=token]').value;"
        "const form = new URLSearchParams({token, form: '1', reason: 'x'});"
        "fetch(path, {method: 'POST', body: form}).then(answer => done(answer.status))",
        f"/ban/image/{code}",
    )
    assert status == 403
    assert site.number(f"SELECT COUNT(*) FROM bans WHERE subject = '{code}'") == 0


def test_the_overview_updates_itself_and_keeps_the_focus(site: Site, browser: Chrome, console: Console) -> None:
    sign_in(browser, console, "wall")
    code = site.new_image()
    field = browser.find_element(By.ID, "q")
    field.send_keys("half a wo")
    site.ban(code)
    wait_until(lambda: any(code in text and "seen gone" in text for text in seen(browser, ".takedown")), "the ban")
    assert browser.switch_to.active_element == field
    assert field.get_attribute("value") == "half a wo"
    assert complaints(browser) == []


def test_a_purger_that_gives_no_answer_is_grey_whatever_was_there_before(
    site: Site, browser: Chrome, console: Console
) -> None:
    code = site.new_image()
    site.ban(code)
    for edge in site.stack.edges:
        site.wait_gone(code, edge)
    sign_in(browser, console, "wall")
    wait_page(browser, lambda: shade(browser) == "ok", "the green verdict")
    purger = site.stack.purger
    purger.pause()
    try:
        wait_until(lambda: shade(browser) == "unknown", "a grey verdict of the frozen purger")
        (said,) = seen(browser, ".verdict")
        assert re.fullmatch(r"No answer since \d\d:\d\d:\d\d", said)
        assert "grayscale" in browser.execute_script("return getComputedStyle(document.querySelector('.stale')).filter")
    finally:
        purger.resume()
    wait_until(lambda: shade(browser) == "ok" and not seen(browser, ".stale"), "the green verdict again")
    browser.get(f"{console.url}/image/{code}")
    wait_page(browser, lambda: shade(browser) == "ok", "the green verdict of the image")
    purger.kill()
    try:
        wait_until(lambda: shade(browser) == "unknown", "a grey verdict of the killed purger")
    finally:
        purger.start()


def shade(browser: Chrome) -> str:
    """Return the kind of the verdict that is shown now."""
    shade: str = browser.execute_script("return document.querySelector('.verdict')?.classList[1] || ''")
    return shade


def test_on_a_phone_nothing_is_cut_off(site: Site, browser: Chrome, console: Console) -> None:
    code = site.new_image()
    site.ban(code)
    site.wait_gone(code)
    sign_in(browser, console, "anna")
    for path in ("/", f"/image/{code}", f"/lift/image/{code}"):
        browser.execute_cdp_cmd(
            "Emulation.setDeviceMetricsOverride",
            {"width": 375, "height": 740, "deviceScaleFactor": 1, "mobile": True},
        )
        browser.get(console.url + path)
        assert browser.execute_script("return document.documentElement.scrollWidth") <= 375, path
