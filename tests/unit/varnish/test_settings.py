"""Compare the settings of default.vcl with the assumptions of the purger and of the pages."""

import re
from pathlib import Path

import pytest

from origin.answering.answers import BANNED_STATUSES
from purger.settings import Settings
from stack.edges.vcl import SOURCE
from tests.support.pages.markdown_pages import PAGES, ROOT

DEFAULT = (SOURCE / "default.vcl").read_text()
#: Pages, and code with comments, that may name a setting's value. The changelog names former ones as well.
TEXTS = [page for page in PAGES if page.name != "CHANGELOG.md"] + sorted(ROOT.glob("purger/**/*.py"))


def seconds(name: str) -> float:
    """Return a duration of takedown_settings, or one of the backend's timeouts, in seconds."""
    (found,) = re.findall(rf'^    (?:var\.set_duration\("{name}", |\.{name} = )(\d+)s\)?;$', DEFAULT, re.MULTILINE)
    return float(found)


def mentions(pattern: str) -> dict[Path, set[float]]:
    """Return the numbers that a pattern finds, by the file that they stand in."""
    found = {path: {float(number) for number in re.findall(pattern, path.read_text())} for path in TEXTS}
    return {path: numbers for path, numbers in found.items() if numbers}


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("lease", r"\blease(?:\*\*)?\s+\((\d+)\s+s\)"),
        ("fail-safe TTL", r"fail-safe\s+TTL\s+\((\d+)\s+s\)"),
    ],
    ids=["lease", "fail-safe TTL"],
)
def test_who_names_the_default_names_that_of_default_vcl(name: str, pattern: str) -> None:
    found = mentions(pattern)
    assert found
    assert {path.name: numbers for path, numbers in found.items() if numbers != {seconds(name)}} == {}


def test_some_heartbeats_may_be_lost_within_the_lease() -> None:
    assert Settings(database_url="").heartbeat_interval * 5 <= seconds("lease")


def test_the_statuses_that_are_kept_are_those_of_images_and_bans() -> None:
    """In both lists: those that are cached, and those before which a stale object gives way."""
    for name in ("lifetime", "fetch"):
        text = (SOURCE / "takedown" / f"{name}.vcl").read_text()
        assert {int(status) for status in re.findall(r"\bberesp\.status [!=]= (\d+)", text)} == {
            200,
            404,
            *BANNED_STATUSES,
        }, name


def test_an_image_waits_for_its_origin_for_less_than_the_lease() -> None:
    waits = sum(map(seconds, ("connect_timeout", "first_byte_timeout", "wait_timeout")))
    assert waits < seconds("lease")
    assert mentions(r"sum (?:of the backend's timeouts )?\((\d+) s\)") == {ROOT / "docs/operate/edge.md": {waits}}
