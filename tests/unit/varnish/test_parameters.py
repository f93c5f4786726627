"""Compare the pages with the parameters of varnishd: names, values and seconds agree."""

import re

import pytest

from stack.edges.varnish import PARAMETERS_FILE, read_parameters
from stack.edges.vcl import SOURCE
from tests.support.pages.markdown_pages import ROOT, code

EDGE_PAGE = (ROOT / "docs/operate/edge.md").read_text()
# Parameters of varnishd, and settings of the backend in default.vcl.
ROWS = dict(re.findall(r"^\| `([a-z_0-9]+)` \| `([^`|]+)` \|", EDGE_PAGE, re.MULTILINE))


def test_every_parameter_stands_in_the_table_with_its_value() -> None:
    assert len(read_parameters()) == len(PARAMETERS_FILE.read_text().splitlines())
    assert {name: ROWS.get(name) for name in read_parameters()} == read_parameters()


def test_every_row_of_the_table_is_set() -> None:
    settings = dict(re.findall(r"^    \.(\w+) = (\S+);$", (SOURCE / "default.vcl").read_text(), re.MULTILINE))
    assert len(ROWS) > len(read_parameters()), "the table has settings of the backend, too"
    assert {name: (settings | read_parameters()).get(name) for name in ROWS} == ROWS


def test_the_command_line_starts_with_the_file() -> None:
    assert f"-I /etc/varnish/{PARAMETERS_FILE.name}" in code(ROOT / "docs/operate/edge.md")


@pytest.mark.parametrize("page", ["docs/guide/promises.md", "docs/guide/limits.md", "docs/operate/edge.md"])
def test_the_bound_of_a_download_is_what_the_parameters_add_up_to(page: str) -> None:
    parameters = read_parameters()
    bound = int(parameters["send_timeout"]) + int(parameters["idle_send_timeout"])
    said = re.findall(r"download\s+that\s+began[^.]*?(\d+)\s+s\b", (ROOT / page).read_text())
    assert said == [str(bound)]
