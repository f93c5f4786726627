"""Read tables of renditions, and compare the built-in one with the edge's VCL and the pages."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from origin.cli.main import main
from origin.importing.renditions import FORMATS, LOSSY, REDUCED, Reduced, UnusableTableError, read_table, vcl_lines
from tests.support.pages.markdown_pages import ROOT, rows, section

DEFAULT_VCL = (ROOT / "varnish" / "default.vcl").read_text()
PAGE = ROOT / "docs/guide/importing.md"


def lines_of_vcl(text: str) -> list[str]:
    """Return the lines of takedown_renditions without its comments."""
    found = re.search(r"^sub takedown_renditions \{\n.*?^\}$", text, re.MULTILINE | re.DOTALL)
    assert found is not None
    return [line for line in found[0].splitlines() if not line.lstrip().startswith("#")]


def test_the_edge_knows_each_rendition() -> None:
    assert lines_of_vcl(DEFAULT_VCL) == vcl_lines(REDUCED).splitlines()


def test_the_page_shows_the_built_in_table_and_an_example_that_can_be_read(tmp_path: Path) -> None:
    shown = [row for row in rows(section(PAGE, "Renditions")) if row[0].startswith("`")]
    built_in = [[f"`{each.name}`", str(each.width), str(each.height)] for each in REDUCED]
    assert [row[:3] for row in shown] == built_in
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "renditions.toml").write_text(example)
    table = read_table(tmp_path / "renditions.toml")
    assert len(table) == 2
    assert vcl_lines(table).splitlines()[1].strip() in section(PAGE, "Renditions")


def test_a_site_has_a_table_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "renditions.toml"
    path.write_text(
        '[thumb]\nwidth = 100\nheight = 80\n\n[large-2]\nwidth = 1600\nheight = 1200\nformat = "webp"\nquality = 75\n'
    )
    table = read_table(path)
    assert table == (Reduced("thumb", 100, 80), Reduced("large-2", 1600, 1200, "webp", 75))
    shown = CliRunner().invoke(main, ["renditions", "--renditions", str(path)])
    assert shown.exit_code == 0
    assert re.search(r"^large-2 +1600 +1200 +webp +75 *$", shown.output, re.MULTILINE)
    assert re.search(r"^thumb +100 +80 +the original's +the encoder's *$", shown.output, re.MULTILINE)
    assert 'var.set("renditions", " thumb large-2 ");' in shown.output


def test_an_empty_table_makes_no_renditions(tmp_path: Path) -> None:
    path = tmp_path / "none.toml"
    path.touch()
    assert read_table(path) == ()
    assert 'var.set("renditions", " ");' in vcl_lines(())


def test_the_formats_that_lose_detail_are_formats() -> None:
    assert FORMATS.keys() > LOSSY


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("[thumb]\nwidth = 1\n", r"\[thumb\]: height has to be a whole number from 1 to 16383"),
        ("[thumb]\nwidth = 0\nheight = 1\n", r"width has to be a whole number from 1"),
        ("[thumb]\nwidth = true\nheight = 1\n", r"width has to be a whole number"),
        ("[thumb]\nwidth = 1.5\nheight = 1\n", r"width has to be a whole number"),
        ("[thumb]\nwidth = 99999\nheight = 1\n", r"from 1 to 16383"),
        ("[Thumb]\nwidth = 1\nheight = 1\n", r"\[Thumb\]: a name is 1 to 32 of a-z"),
        ("[original]\nwidth = 1\nheight = 1\n", r"and not original"),
        ('["a\\u001bb"]\nwidth = 1\nheight = 1\n', r"\[a\\x1bb\]: a name"),
        ("[thumb]\nwidth = 1\nheight = 1\ncrop = true\n", r"crop is unknown: width, height, format, quality"),
        ('[thumb]\nwidth = 1\nheight = 1\nformat = "gif"\n', r'one of jpeg, png, webp, avif, as in format = "webp"'),
        ("[thumb]\nwidth = 1\nheight = 1\nformat = 5\n", r"one of jpeg, png"),
        ('[thumb]\nwidth = 1\nheight = 1\nformat = "png"\nquality = 5\n', r"png loses nothing, and has no quality"),
        ("[thumb]\nwidth = 1\nheight = 1\nquality = 101\n", r"quality has to be a whole number from 1 to 100"),
        ("width = 1\nheight = 1\n", r"width is in no section: write \[thumb\]"),
        ("[thumb]\nwidth = 1\nheight = 1\n[thumb]\nwidth = 1\n", r"not TOML: .*line 4"),
        ("\n".join(f"[r{n}]\nwidth = 1\nheight = 1" for n in range(33)), r"33 renditions, and at most 32"),
        ("#" * 70000, r"longer than 65536 bytes"),
    ],
)
def test_a_table_that_cannot_be_used_is_refused_with_the_reason(tmp_path: Path, text: str, fault: str) -> None:
    path = tmp_path / "renditions.toml"
    path.write_text(text)
    with pytest.raises(UnusableTableError, match=fault) as caught:
        read_table(path)
    assert str(caught.value).startswith(f"{path}: ")
    refused = CliRunner().invoke(main, ["renditions", "--renditions", str(path)])
    assert refused.exit_code == 2


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnusableTableError, match="cannot be read: No such file"):
        read_table(tmp_path / "missing.toml")
    (tmp_path / "latin1.toml").write_bytes(b'[thumb]\nformat = "\xe4"\n')
    with pytest.raises(UnusableTableError, match="not UTF-8"):
        read_table(tmp_path / "latin1.toml")
