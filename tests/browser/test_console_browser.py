"""Use the console in a browser: a moderator bans an image and watches it go at every edge; others only look."""

import re
from collections.abc import Callable
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from axe_core_python.selenium import Axe
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from stack.console import Console
from stack.processes.waiting import wait_until
from takedown_base.name_codes import code_of_name
from tests.support.sites.console_site import Person, console_of, run_stack
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


def test_an_open_page_shows_the_pictures_of_its_edges_whatever_changes(
    site: Site, browser: Chrome, console: Console
) -> None:
    code = site.new_image()
    sign_in(browser, console, "wall")
    browser.get(f"{console.url}/image/{code}?from=1")
    wait_page(browser, lambda: seen(browser, "#views figcaption .badge") == ["shown"] * 2, "the image at one edge")
    views = browser.find_element(By.ID, "views")
    site.ban(code)
    wait_until(lambda: sum("gone (410)" in text for text in seen(browser, "#subject td")) == 2, "both receipts")
    wait_until(lambda: seen(browser, "#views figcaption .badge") == ["gone"] * 2, "the special image at one edge")
    assert (seen(browser, "#views h3"), views.is_displayed()) == (["edge2"], True)


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
        assert re.fullmatch(r"No answer since \d\d:\d\d:\d\d\. All below is as it was then\.", said)
        assert_sound(browser)
        assert "grayscale" in browser.execute_script("return getComputedStyle(document.querySelector('.stale')).filter")
    finally:
        purger.resume()
    wait_until(lambda: shade(browser) == "ok" and not seen(browser, ".stale"), "the green verdict again")
    overview = browser.current_window_handle
    browser.switch_to.new_window("tab")
    browser.get(f"{console.url}/image/{code}")
    wait_page(browser, lambda: shade(browser) == "ok", "the green verdict of the image")
    purger.kill()
    try:
        for window in (browser.current_window_handle, overview):
            browser.switch_to.window(window)
            wait_until(lambda: shade(browser) == "unknown", "a grey verdict of the killed purger")
            assert_sound(browser)
    finally:
        purger.start()


def shade(browser: Chrome) -> str:
    """Return the kind of the verdict that is shown now."""
    shade: str = browser.execute_script("return document.querySelector('.verdict')?.classList[1] || ''")
    return shade


def test_in_every_state_of_a_day_nothing_is_cut_off_and_axe_finds_nothing(
    site: Site, browser: Chrome, console: Console
) -> None:
    assert_sound(browser, f"{console.url}/sign-in")
    sign_in(browser, console, "anna")
    person, name = Person(console, "anna"), "albums/holidays/Müller & Söhne 17.jpg"
    lifted, banned, named = site.new_image(), site.new_image(), site.new_image(code=code_of_name(name))
    for code in (lifted, banned, named):
        person.fill(f"/ban/image/{code}", reason="a court's order")
    person.fill(f"/lift/image/{lifted}", reason="withdrawn")
    rows = ", ".join(f"('image', 'one-of-200-{number}', 'report {number}', 'clerk')" for number in range(200))
    site.execute(f"INSERT INTO bans (scope, subject, reason, banned_by) VALUES {rows}")
    site.stack.settle()
    for path, said in {
        "/": "Yes. 2 edges acknowledged everything",
        "/takedowns?person=clerk": "Older ones",
        f"/image/{lifted}": "Not banned.",
        f"/image/{banned}": "Banned, and gone everywhere.",
        f"/search?q={quote(name)}": "Müller &amp; Söhne 17.jpg",
        "/search?q=nobody": "No image, owner or digest",
        f"/ban/image/{lifted}": "Hides the image",
        f"/lift/image/{named}": "Lifts 1 ban",
        "/image/a.b": "Not Found",
    }.items():
        browser.get(console.url + path)
        wait_page(browser, partial(shows, browser, said), f"{said} on {path}")
        assert_sound(browser)


def shows(browser: Chrome, text: str) -> bool:
    return text in browser.page_source


def test_a_list_is_pasted_checked_and_carried_out(site: Site, browser: Chrome, console: Console) -> None:
    sign_in(browser, console, "anna")
    codes = [site.new_image() for _ in range(2)]
    wait_until(lambda: pressed(browser, By.LINK_TEXT, "List"), "the link to the list")
    assert_sound(browser)
    browser.find_element(By.ID, "lines").send_keys("\n".join([*codes, "no such name.jpg", codes[0], "x" * 64]))
    browser.find_element(By.ID, "reason").send_keys("a list of the police", Keys.ENTER)
    wait_until(lambda: seen(browser, ".outcome.good") == ["will be banned"] * 2, "what each line means")
    assert len(seen(browser, ".outcome.bad")) == 2
    assert_sound(browser)
    wait_until(lambda: pressed(browser, By.CSS_SELECTOR, "button.main.ban"), "the button of the list")
    wait_until(lambda: seen(browser, ".note.done")[:1], "what came of it")
    assert seen(browser, ".note.done")[0].startswith("Banned 2 subjects.")
    assert_sound(browser)
    for code in codes:
        site.wait_gone(code)


def test_a_dead_edge_is_said_to_be_one_and_until_when_it_was_trusted(
    site: Site, browser: Chrome, console: Console
) -> None:
    code, edge = site.new_image(), site.stack.edges[-1]
    sign_in(browser, console, "anna")
    edge.stop()
    try:
        wait_page(browser, lambda: shade(browser) == "problem", "the verdict of a dead edge")
        site.ban(code)
        site.wait_gone(code)
        wait_until(lambda: any(f"{edge.name}: not yet" in text for text in seen(browser, ".takedown")), "the ban")
        assert any("trust" in text for text in seen(browser, "[data-name=Mode]")), "until when its cache was trusted"
        assert_sound(browser)
        browser.get(f"{console.url}/image/{code}")
        wait_page(browser, lambda: shade(browser) == "busy", "the verdict of the image")
        assert "trust" in seen(browser, ".verdict")[0]
        assert_sound(browser)
    finally:
        edge.start()


def assert_sound(browser: Chrome, url: str = "") -> None:
    """Assert that nothing of a page is cut off and axe finds nothing, wide and light, and narrow and dark."""
    if url:
        browser.get(url)
    for width, scheme in ((1400, "light"), (390, "dark")):
        metrics = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 500}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        assert browser.execute_script("return document.documentElement.scrollWidth") <= width, browser.current_url
        found = Axe().run(browser, options={"resultTypes": ["violations"]})["violations"]
        assert [(each["id"], node["html"]) for each in found for node in each["nodes"]] == [], browser.current_url
    browser.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
