"""Make the pages of two proofs, with a picture and a PDF of each: ``python -m tests.proof_pictures DIRECTORY``.

With ``--docs`` the first part of the page that has all proofs becomes docs/pictures/proof.png.
"""

import base64
import shutil
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from PIL import Image
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from takedown_log.check import check
from takedown_log.page import write_page
from tests.browser.conftest import SWITCHES
from tests.support.log.logged_takedown import Takedown
from tests.support.log.proof_log import MemoryLog

ROOT = Path(__file__).parent.parent

#: Width and height of the picture, in pixels: a page of A4 at 96 to the inch.
SIZE = (794, 1123)


def takedowns() -> dict[str, Takedown]:
    """Return a takedown that is wholly proven, and one that is not and was lifted later."""
    whole, partly = Takedown(), Takedown()
    for each, edges in ((whole, ("fra1", "iad1", "sin1")), (partly, ("fra1", "iad1"))):
        each.ban(
            each.edges(*edges), values={"banned_by": "Anna Berg", "reason": "Amtsgericht 17 C 203/26, order of 26 Nov"}
        )
        each.acknowledged("fra1")
        each.seen("fra1", "yes")
    for edge in ("iad1", "sin1"):
        whole.acknowledged(edge)
        whole.seen(edge, "yes")
    partly.seen("iad1", "", note="unreachable")
    return {"whole": whole, "partly": partly}


def main(directory: Path, *, docs: bool) -> None:
    """Write pages, pictures and PDFs."""
    directory.mkdir(parents=True, exist_ok=True)
    options = ChromeOptions()
    options.binary_location = str(shutil.which("chromium"))
    with tempfile.TemporaryDirectory() as profile:
        for switch in (*SWITCHES, f"--user-data-dir={profile}", "--hide-scrollbars"):
            options.add_argument(switch)
        with Chrome(options=options, service=Service(shutil.which("chromedriver"))) as browser:
            for name, takedown in takedowns().items():
                page = directory / f"{name}.html"
                page.write_text(page_of(takedown.log, takedown.file()), encoding="utf-8")
                take(browser, page, directory / name)
    if docs:
        picture = Image.open(directory / "whole.png").convert("RGB").crop((0, 0, *SIZE))
        target = ROOT / "docs" / "pictures" / "proof.png"
        picture.quantize(64, dither=Image.Dither.NONE).save(target, optimize=True)
        print(target, target.stat().st_size)


def page_of(log: MemoryLog, text: str) -> str:
    """Check a proof and return its page."""
    key, content = log.signer.verifier(), text.encode()
    return write_page(check(text, key), key=str(key), name="kX3_vQ.proof", content=content, at=datetime.now(UTC))


def take(browser: Chrome, page: Path, target: Path) -> None:
    """Take a picture of a page, and print it into a PDF."""
    metrics = {"width": SIZE[0], "height": SIZE[1], "deviceScaleFactor": 1, "mobile": False}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.get(page.as_uri())
    metrics["height"] = browser.execute_script("return document.documentElement.scrollHeight")
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    browser.save_screenshot(str(target.with_suffix(".png")))
    printed = browser.execute_cdp_cmd("Page.printToPDF", {"preferCSSPageSize": True})
    target.with_suffix(".pdf").write_bytes(base64.b64decode(printed["data"]))
    print(target, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), docs="--docs" in sys.argv)
