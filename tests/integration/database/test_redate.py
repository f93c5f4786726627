"""Number a change while the database's clock is five years ahead, and make up for it once the clock is right again."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest
import requests

from stack.processes.waiting import PATIENCE, wait_until
from stack.system import Stack, StackSettings
from tests.support.database.server_clock import ServerClock
from tests.support.sites.site_actions import Site

FIVE_YEARS = 1826 * 86400


class Leap:
    """A system whose database's clock was five years ahead while the ban of ``code`` was numbered, and is right now."""

    def __init__(self, site: Site, clock: ServerClock) -> None:
        self.site, self.clock = site, clock
        self.code, self.other = site.new_image(), site.new_image()
        with clock.stepped(FIVE_YEARS):
            site.ban(self.code)
            site.wait_gone(self.code)
            # The purger's own clock is known once it has signed again.
            self.meanwhile = wait_until(lambda: self._named("(a purger) is 1826 days behind"), "the clocks are named")
            # From it follows until when an edge that falls silent may trust its cache.
            dated = "SELECT COUNT(*) FROM edges WHERE ABS(TIMESTAMPDIFF(SECOND, seen_at, UTC_TIMESTAMP())) < 86400"
            wait_until(lambda: site.number(dated) == 1, "the edge's last answer is dated by the database's clock")
            self.refused = site.stack.purger.run("redate")
            self.receipts = wait_until(self._seen, "the edge was seen without the image")

    def problems(self) -> list[str]:
        """Return the first line of ``purger status``, and all further problems."""
        lines = self.site.stack.purger.run("status").stdout.splitlines()
        return [line for line in lines if line.startswith(("OK", "PROBLEM"))]

    def _named(self, part: str) -> list[str] | None:
        problems = self.problems()
        return problems if any(part in line for line in problems) else None

    def _seen(self) -> str | None:
        receipts = self.site.stack.purger.run("receipts", self.code).stdout
        return None if "not probed" in receipts else receipts

    def from_origin(self, code: str) -> requests.Response:
        return requests.get(f"{self.site.stack.origin.url}/images/{code}", timeout=PATIENCE)


@pytest.fixture
def leap(tmp_path: Path) -> Iterator[Leap]:
    clock = ServerClock(tmp_path / "clock")
    stack = Stack(tmp_path / "stack", StackSettings(edge_settings={"lease": 120.0}))
    clock.govern(stack.database)
    with stack, Site(stack, tmp_path) as site:
        yield Leap(site, clock)


def test_a_clock_that_was_once_years_ahead_is_told_and_mended_by_one_command(leap: Leap) -> None:
    site = leap.site
    assert any("the clock of this machine is 1826 days behind the database's" in line for line in leap.meanwhile)
    # The purger's clock is five years behind; what edges did is recorded by the database's.
    assert re.search(r"edge1 +after [\d.]+ m?s .* gone \(410\) after [\d.]+ m?s", leap.receipts)
    assert "clock" not in leap.receipts
    assert (leap.refused.returncode, "set the wrong one right first" in leap.refused.stderr) == (1, True)

    site.lift(leap.code)
    site.ban(leap.other)
    site.wait_gone(leap.other)
    site.lift(leap.other)
    site.stack.settle()
    for code in (leap.code, leap.other):
        answer = site.wait_served(code)
        assert "Last-Modified" not in answer.headers
        # Edges keep it nevertheless: for the 2 s of an image whose date comes in a moment, each view would be a fetch.
        assert leap.from_origin(code).headers["CDN-Cache-Control"] == "max-age=86400"
    receipts = site.stack.purger.run("receipts", leap.code).stdout
    assert "The clocks of this record contradict each other" in receipts
    assert not re.search(r"after -|-\d+ (ms|s|min|h|days)", receipts)
    proof = str(site.stack.directory / "proof")
    wait_until(lambda: site.stack.purger.run("prove", leap.code, "-o", proof).returncode == 0, "a proof")
    verified = site.stack.purger.run("verify", proof, "--key", str(site.stack.log_key.verifier()))
    assert (verified.returncode, "The clocks of this record contradict each other" in verified.stdout) == (3, True)
    (told,) = leap.problems()
    assert told.endswith("-> once the database's clock is right, run `purger redate`")
    assert "1826 days ahead of the database's clock" in told

    began = datetime.now(UTC).replace(microsecond=0)
    done = site.stack.purger.run("redate")
    assert done.stdout == "dates go on from now, no longer from 1826 days ahead; 2 changed subjects purged again\n"
    site.stack.settle()
    for code in (leap.code, leap.other):
        dated = site.wait_dated(code).headers["Last-Modified"]
        assert began <= parsedate_to_datetime(dated) <= datetime.now(UTC)
    wait_until(lambda: leap.problems()[0].startswith("OK"), "all is well")
    assert site.stack.purger.run("redate").stdout == "nothing to do: no change has a date of the future\n"

    site.ban(leap.code)
    site.wait_gone(leap.code)
    site.lift(leap.code)
    site.wait_served(leap.code)
    assert parsedate_to_datetime(site.wait_dated(leap.code).headers["Last-Modified"]) > began
    # What was recorded stays: receipts and the signed log name the dates of then.
    assert site.number("SELECT COUNT(*) FROM batches WHERE numbered_at > UTC_TIMESTAMP() AND redated_at > 0") > 1
    assert site.stack.purger.run("audit", "--log").returncode == 0
