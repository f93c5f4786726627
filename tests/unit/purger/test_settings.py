"""Compares the delays of rebounds in the purger's settings with the promise G1 and with prose that names them."""

import re

import pytest

from purger.settings import Settings
from tests.support.pages.markdown_pages import PAGES, ROOT

SETTINGS = Settings(database_url="")
DELAYS = [SETTINGS.rebound_delay, SETTINGS.later_rebound_delay, SETTINGS.last_rebound_delay]
#: Pages, and code with comments. The changelog names former delays as well.
TEXTS = [page for page in PAGES if page.name != "CHANGELOG.md"] + sorted(
    file for part in ("purger/**/*.py", "varnish/**/*.vcl", "tests/chaos/**/*.py") for file in ROOT.glob(part)
)


def mentions(pattern: str) -> dict[str, list[float]]:
    """Return the numbers that a pattern's groups find, by the name of the file, in their order."""
    found = {
        file.relative_to(ROOT).as_posix(): [
            float(number) for match in re.finditer(pattern, file.read_text()) for number in match.groups()
        ]
        for file in TEXTS
    }
    return {name: numbers for name, numbers in found.items() if numbers}


def test_the_first_rebound_comes_within_the_second_of_g1() -> None:
    assert 0 < SETTINGS.rebound_delay < 1


def test_rebounds_come_one_after_the_other() -> None:
    assert sorted(set(DELAYS)) == DELAYS


@pytest.mark.parametrize(
    ("text", "files", "delays"),
    [
        (
            "# s, # s and # s",
            {"docs/internals/architecture.md", "docs/operate/purger.md", "docs/operate/scale.md"},
            DELAYS,
        ),
        ("next rebound: for # s after the purge, or for # to 6 s, or for # to 72 s", {"docs/guide/limits.md"}, DELAYS),
        ("one rebound at # s covers all purges within 2 s, and one at # s", {"docs/operate/purger.md"}, DELAYS[1:]),
        ("are banned once more at # s and # s", {"docs/operate/purger.md"}, DELAYS[1:]),
        ("goes with the next rebound, # s or # s later", {"docs/internals/chaos.md"}, DELAYS[1:]),
    ],
)
def test_who_names_the_delays_of_rebounds_names_those_of_the_settings(
    text: str, files: set[str], delays: list[float]
) -> None:
    assert mentions(text.replace(" ", r"\s+").replace("#", r"([\d.]+)")) == dict.fromkeys(files, delays)
