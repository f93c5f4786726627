"""Make pictures of the console in several states: ``python -m tests.console_pictures DIRECTORY``.

The one of the documents is ``overview-light.png``: with ``--docs`` it becomes docs/pictures/console.png, smaller.
"""

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from PIL import Image
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from stack.processes.waiting import wait_until
from stack.system import Stack
from takedown_base.name_codes import code_of_name
from tests.browser.conftest import SWITCHES
from tests.browser.test_console_browser import seen, shade, sign_in
from tests.support.sites.console_site import Person, console_of, stack_with_console
from tests.support.sites.site_actions import Site

ROOT = Path(__file__).parent.parent

#: The name of an image, as a site may use it.
NAME = "albums/holidays/Müller & Söhne 17.jpg"

#: Width and height of a window, by name.
SIZES = {"light": (1180, 1000), "dark": (1180, 1000), "wide": (1400, 1000), "narrow": (390, 1000)}


class Camera:
    """A browser that takes pictures of whole pages."""

    def __init__(self, browser: Chrome, url: str, directory: Path) -> None:
        self._browser = browser
        self._url = url
        self._directory = directory
        self.bottom = ""  # a selector: pictures end above what it finds

    def take(self, name: str, path: str, ready: str = "main", *looks: str) -> None:
        """Take pictures of a page in some looks, by default in all, once a selector finds something."""
        for look in looks or SIZES:
            self._look(look)
            self._browser.get(self._url + path)
            wait_until(lambda: seen(self._browser, ready), f"{ready} on {path}")
            self._save(name, look)

    def take_open(self, name: str, *looks: str) -> None:
        """Take pictures of the page that is open, as it is: one whose purger is gone cannot be loaded."""
        for look in looks:
            self._look(look)
            self._save(name, look)

    def _look(self, look: str) -> None:
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if look == "dark" else "light"}]
        self._browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": scheme})
        self._resize(*SIZES[look])

    def _save(self, name: str, look: str) -> None:
        width = SIZES[look][0]
        self._resize(width, self._browser.execute_script("return document.documentElement.scrollHeight"))
        file = self._directory / f"{name}-{look}.png"
        self._browser.save_screenshot(str(file))
        if self.bottom and seen(self._browser, self.bottom):
            rectangle = "return document.querySelector(arguments[0]).getBoundingClientRect().top"
            height = int(self._browser.execute_script(rectangle, self.bottom))
            Image.open(file).crop((0, 0, width, height)).save(file)
        print(file, flush=True)

    def _resize(self, width: int, height: int) -> None:
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)


@contextmanager
def browser_in(directory: Path) -> Iterator[Chrome]:
    """Run headless Chromium with a profile of its own."""
    options = ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    for switch in (*SWITCHES, f"--user-data-dir={directory / 'profile'}", "--hide-scrollbars"):
        options.add_argument(switch)
    with Chrome(options=options, service=Service(shutil.which("chromedriver"))) as browser:
        yield browser


def moderate(site: Site, person: Person) -> str:
    """Ban and lift as people do in a day. Returns the code of a banned image."""
    reasons = ("court order 17/2026", "report 4711: copyright", "report 4712: privacy", "spam")
    codes = [site.new_image("gallery-7") for _ in range(4)]
    for _ in range(6):
        for code, reason in zip(codes, reasons, strict=True):
            person.fill(f"/ban/image/{code}", reason=reason)
            site.wait_gone(code)
            person.fill(f"/lift/image/{code}")
            site.wait_served(code)
    person.fill("/ban/owner/gallery-7", reason="account closed")
    person.fill(f"/ban/image/{codes[0]}", reason=reasons[0])
    site.wait_gone(codes[0], site.stack.edges[-1])
    return codes[0]


def take_all(stack: Stack, site: Site, camera: Camera, person: Person, browser: Chrome) -> None:
    """Bring the stack into each state, and take its pictures."""
    shown = site.new_image()
    camera.take("idle", "/", ".verdict")
    banned = moderate(site, person)
    wait_until(lambda: "seen gone" in person.get("/part/overview").text, "a proof")
    stack.settle()
    camera.bottom = "#purgers-title"  # below it stands the name of the database's directory
    camera.take("overview", "/", ".takedown")
    camera.bottom = ""
    camera.take("banned", f"/image/{banned}", "#views figure")
    camera.take("shown", f"/image/{shown}", "#views figure")
    camera.take("confirm", f"/ban/image/{shown}", ".plan")
    camera.take("owner", "/owner/gallery-7", "#subject .facts", "light")
    camera.take("nothing", "/search?q=nobody", ".note", "light")
    named = site.new_image(code=code_of_name(NAME))
    camera.take("by-name", f"/search?q={quote(NAME)}", "#views figure", "wide", "narrow")
    take_list(camera, browser, [shown, NAME, "no such name.jpg", "owner:gallery-7"])
    for action in ("ban", "lift"):
        person.fill(f"/{action}/image/{named}", reason="withdrawn")
    site.wait_served(named)
    camera.take("lifted", f"/image/{named}", "#views figure", "wide", "narrow")
    rows = ", ".join(f"('image', 'one-of-200-{number}', 'report {number}', 'clerk')" for number in range(200))
    site.execute(f"INSERT INTO bans (scope, subject, reason, banned_by) VALUES {rows}")
    stack.settle()
    camera.take("200-bans", "/", ".verdict", "wide", "narrow")
    camera.take("history", "/takedowns", ".takedown", "wide", "narrow")
    with site.admin.cursor() as cursor:
        for chunk in range(0, 60_000, 5_000):
            rows = ", ".join(f"('image', 'bulk-{chunk + number}', 'report 99', 'anna')" for number in range(5_000))
            cursor.execute(f"INSERT INTO bans (scope, subject, reason, banned_by) VALUES {rows}")
    camera.take("bulk", "/", ".verdict", "light")
    stack.settle()
    stack.edges[-1].stop()
    wait_until(lambda: "unreachable" in person.get("/part/overview").text, "the edge's end")
    site.ban(shown)
    camera.take("edge-down", "/", ".problems")
    camera.take("edge-down-image", f"/image/{shown}", "#views figure", "light", "wide", "narrow")
    stack.edges[-1].start()
    stack.database.stop()
    wait_until(lambda: "database cannot be used" in person.get("/part/overview").text, "the database's end")
    camera.take("no-database", "/", ".problems", "light")
    stack.database.start()
    wait_until(lambda: "trust" in person.get("/part/overview").text, "the database again")
    browser.find_element(By.CSS_SELECTOR, ".who button").click()
    camera.take("sign-in", "/", ".sign-in", "light", "dark")
    for page, path in {"": "/", "-image": f"/image/{banned}"}.items():
        take_silent(stack, camera, browser, page, path)


def take_list(camera: Camera, browser: Chrome, lines: list[str]) -> None:
    """Take pictures of a list: what it means, and what came of it."""
    camera.take("list", "/list", "textarea", "wide", "narrow")
    browser.find_element(By.ID, "lines").send_keys("\n".join(lines))
    browser.find_element(By.ID, "reason").send_keys("a list of the police", Keys.ENTER)
    wait_until(lambda: seen(browser, ".outcome"), "what each line means")
    camera.take_open("list-checked", "wide", "narrow")
    browser.find_element(By.CSS_SELECTOR, "button.main.ban").click()
    wait_until(lambda: seen(browser, ".note.done"), "what came of it")
    camera.take_open("list-done", "wide", "narrow")


def take_silent(stack: Stack, camera: Camera, browser: Chrome, page: str, path: str) -> None:
    """Take pictures of a page whose purger is frozen, and then killed."""
    sign_in(browser, console_of(stack), "anna")  # a purger that was killed has forgotten its sessions
    browser.get(console_of(stack).url + path)
    wait_until(lambda: shade(browser) == "ok", "a green verdict")
    stack.purger.pause()
    wait_until(lambda: shade(browser) == "unknown", "a grey verdict")
    camera.take_open(f"frozen{page}", "wide", "narrow")
    stack.purger.resume()
    wait_until(lambda: shade(browser) == "ok", "the green verdict again")
    stack.purger.kill()
    wait_until(lambda: shade(browser) == "unknown", "a grey verdict")
    camera.take_open(f"killed{page}", "wide", "narrow")
    stack.purger.start()
    stack.settle()


def main(directory: Path, *, docs: bool) -> None:
    """Start a stack, and make all pictures."""
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, stack_with_console(Path(name) / "stack", edges=3) as stack:
        console = console_of(stack)
        scratch = Path(name) / "images"
        scratch.mkdir()
        with Site(stack, scratch) as site, browser_in(Path(name)) as browser:
            sign_in(browser, console, "anna")
            take_all(stack, site, Camera(browser, console.url, directory), Person(console, "anna"), browser)
    if docs:
        picture = Image.open(directory / "overview-light.png").convert("RGB")
        target = ROOT / "docs" / "pictures" / "console.png"
        target.parent.mkdir(exist_ok=True)
        picture = picture.resize((picture.width * 3 // 4, picture.height * 3 // 4), Image.Resampling.LANCZOS)
        picture.quantize(160, dither=Image.Dither.NONE).save(target, optimize=True)
        print(target, target.stat().st_size)


if __name__ == "__main__":
    main(Path(sys.argv[1]), docs="--docs" in sys.argv)
