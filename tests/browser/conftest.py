"""Run headless Chromium with a new profile, a web server for pages, and the whole system."""

import shutil
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from selenium.webdriver import Chrome, ChromeOptions
from selenium.webdriver.chrome.service import Service

from stack.processes.ports import free_port
from stack.system import Stack, StackSettings
from tests.support.sites.site_actions import Site
from tests.support.threaded_server import threaded_server

SWITCHES = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-proxy-server"),
)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    # On a busy machine no lease may end early: an edge in fail-safe mode asks the origin, which may answer 503.
    with Stack(tmp_path_factory.mktemp("browser"), StackSettings(edge_settings={"lease": 120.0})) as running:
        yield running


@pytest.fixture
def site(stack: Stack, tmp_path: Path) -> Iterator[Site]:
    with Site(stack, tmp_path) as site:
        yield site


@pytest.fixture(scope="session")
def running_browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    assert chromium, "chromium is not installed; './dev test' does it"
    assert driver, "chromedriver is not installed; './dev test' does it"
    options = ChromeOptions()
    options.binary_location = chromium
    options.accept_insecure_certs = True  # the authority of the tests is not one of the system's
    options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
    for switch in (*SWITCHES, f"--user-data-dir={tmp_path_factory.mktemp('profile')}"):
        options.add_argument(switch)
    # Selenium would choose a port that another process may take before the driver listens.
    with Chrome(options=options, service=Service(driver, port=free_port())) as browser:
        yield browser


@pytest.fixture
def browser(running_browser: Chrome) -> Iterator[Chrome]:
    """Give a test the browser of all tests, which has forgotten whatever it has seen: a start takes a second."""
    size = running_browser.get_window_size()
    yield running_browser
    running_browser.get("about:blank")
    for command in ("Network.clearBrowserCache", "Network.clearBrowserCookies", "Emulation.clearDeviceMetricsOverride"):
        running_browser.execute_cdp_cmd(command, {})
    running_browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
    running_browser.set_window_size(size["width"], size["height"])
    chrome: Any = running_browser  # get_log has no types
    for kind in ("browser", "performance"):
        chrome.get_log(kind)


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """Serve the files of a directory. Yields the directory and the server's URL."""
    directory = tmp_path / "pages"
    directory.mkdir()
    handler = partial(_QuietHandler, directory=str(directory))
    with threaded_server(ThreadingHTTPServer(("127.0.0.1", 0), handler)) as port:
        yield directory, f"http://127.0.0.1:{port}"


class _QuietHandler(SimpleHTTPRequestHandler):
    """A file server whose pages "isolated..." are isolated from other origins."""

    def end_headers(self) -> None:
        """Add the headers that isolate a page."""
        if self.path.startswith("/isolated"):
            self.send_header("Cross-Origin-Opener-Policy", "same-origin")
            self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        super().end_headers()

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Log nothing."""
