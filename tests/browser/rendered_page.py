"""Read the images that a browser shows on a page, and the statuses of its requests."""

import json
from typing import Any

from selenium.webdriver import Chrome

from stack.processes.waiting import wait_until

#: Natural size of the test images, in pixels.
ORIGINAL = [400, 300]

#: Natural size of an image that cannot be shown.
BROKEN = [0, 0]


def shown(browser: Chrome) -> list[list[int]]:
    """Wait until the page's images have loaded. Returns their natural sizes, ``BROKEN`` for a broken one."""

    def loaded() -> list[list[int]] | None:
        complete, sizes = browser.execute_script(
            "const all = [...document.images];"
            "return [all.every(i => i.complete), all.map(i => [i.naturalWidth, i.naturalHeight])]"
        )
        return sizes if complete else None

    return wait_until(loaded, "all images of the page loaded")


def statuses(browser: Chrome) -> list[int]:
    """Return the statuses of the image requests that went over the network since the last call."""
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
