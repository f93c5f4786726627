"""Render settings into the VCL: each line is replaced, or the error names the line that is missing."""

import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from stack.edges.vcl import SOURCE, SettingError, main, render


def settings(tmp_path: Path, **changed: Any) -> dict[str, Any]:
    return {"backend": "127.0.0.1:8123", "token_file": tmp_path / "token"} | changed


def changed_lines(default: Path) -> list[str]:
    ours, theirs = default.read_text().splitlines(), (SOURCE / "default.vcl").read_text().splitlines()
    assert len(ours) == len(theirs)
    return [our.strip() for our, their in zip(ours, theirs, strict=True) if our != their]


def test_each_setting_is_written_and_nothing_else(tmp_path: Path) -> None:
    default = render(
        tmp_path / "vcl",
        **settings(
            tmp_path, lease=0.5, fail_safe_ttl=0.25, fetch_timeout=60, purger=False, renditions=["thumb", "hi-res"]
        ),
    )
    assert default == tmp_path / "vcl" / "default.vcl"
    assert changed_lines(default) == [
        '.port = "8123";',
        ".first_byte_timeout = 60.000s;",
        ".between_bytes_timeout = 60.000s;",
        f'var.set("token file", "{tmp_path}/token");',
        'var.set_duration("lease", 0.500s);',
        'var.set_duration("fail-safe TTL", 0.250s);',
        'var.set("purger", "no");',
        'var.set("renditions", " thumb hi-res ");',
    ]
    for file in (SOURCE / "takedown").iterdir():
        assert (tmp_path / "vcl" / "takedown" / file.name).read_bytes() == file.read_bytes()


def test_what_is_not_given_stays(tmp_path: Path) -> None:
    default = render(tmp_path / "vcl", **settings(tmp_path))
    assert changed_lines(default) == ['.port = "8123";', f'var.set("token file", "{tmp_path}/token");']


def test_rendering_again_starts_from_the_source(tmp_path: Path) -> None:
    render(tmp_path / "vcl", **settings(tmp_path, lease=5))
    default = render(tmp_path / "vcl", **settings(tmp_path, lease=7))
    assert 'var.set_duration("lease", 7.000s);' in changed_lines(default)


URLS = """import blob;

sub takedown_urls {
    set req.url = regsub(req.url, "^/media/", "/images/\\1");
}
"""


def test_a_map_of_urls_takes_the_place_of_the_empty_one(tmp_path: Path) -> None:
    default = render(tmp_path / "vcl", **settings(tmp_path, urls=URLS))
    assert URLS in default.read_text()
    assert default.read_text().count("sub takedown_urls {") == 1
    before = (SOURCE / "default.vcl").read_text()
    assert "sub vcl_recv" in default.read_text().partition(URLS)[2]
    assert default.read_text().partition(URLS)[2].splitlines()[-3:] == before.splitlines()[-3:]


@pytest.mark.parametrize("urls", ["", "sub takedown_url {\n}\n", URLS + URLS])
def test_a_text_that_is_no_map_of_urls_is_refused(tmp_path: Path, urls: str) -> None:
    with pytest.raises(SettingError, match="takedown_urls"):
        render(tmp_path / "vcl", **settings(tmp_path, urls=urls))


@pytest.mark.parametrize("edit", [lambda text: text.replace('"purger"', '"purgers"'), lambda text: text + text])
def test_a_line_that_is_not_there_once_is_named(tmp_path: Path, edit: Any) -> None:
    source = tmp_path / "source"
    shutil.copytree(SOURCE, source)
    default = source / "default.vcl"
    default.write_text(edit(default.read_text()))
    with pytest.raises(SettingError, match=r"default\.vcl has (0|2) lines that start with"):
        render(tmp_path / "vcl", source=source, **settings(tmp_path))


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("backend", "127.0.0.1"),
        ("backend", ":80"),
        ("backend", '127.0.0.1";:80'),
        ("token_file", Path("token")),
        ("token_file", Path('/a"b')),
        ("lease", 0),
        ("lease", float("nan")),
        ("fail_safe_ttl", 0.0004),
        ("fail_safe_ttl", -1),
        ("renditions", ["Thumb"]),
        ("renditions", ["a|b"]),
    ],
)
def test_what_vcl_cannot_hold_is_refused(tmp_path: Path, setting: str, value: Any) -> None:
    with pytest.raises(SettingError, match=setting.split("_")[0].rstrip("s").replace("fail", "fail-safe")):
        render(tmp_path / "vcl", **settings(tmp_path, **{setting: value}))


def test_command_line(tmp_path: Path) -> None:
    arguments = [str(tmp_path / "vcl"), "--backend", "127.0.0.1:1", "--token-file", str(tmp_path / "token")]
    ran = CliRunner().invoke(main, [*arguments, "--rendition", "thumb", "--purger", "no"])
    assert (ran.exit_code, ran.output) == (0, f"{tmp_path}/vcl/default.vcl\n")
    assert 'var.set("purger", "no");' in changed_lines(tmp_path / "vcl" / "default.vcl")
    assert CliRunner().invoke(main, [*arguments, "--lease", "0"]).exit_code == 2
    (tmp_path / "urls").write_text(URLS)
    assert CliRunner().invoke(main, [*arguments, "--urls", str(tmp_path / "urls")]).exit_code == 0
    assert URLS in (tmp_path / "vcl" / "default.vcl").read_text()
