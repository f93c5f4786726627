"""Run `origin rules` on URLs and on access logs."""

from pathlib import Path
from subprocess import CompletedProcess

import pytest

from origin.verdict.rules import PRESETS, preset_path, read_rules
from origin.verdict.sites import read_sites
from stack.processes.commands import command, run_apart
from takedown_base.name_codes import code_of_name

RULES = r"""[[rule]]
match = '^/images/[^/]/[^/][^/]/(?P<name>[^/]+)'
[[rule]]
host = "wiki.example.org"
match = '^/thumb\.php$'
parameters = ["f"]
name = "{f}"
"""
SHOWN = '::1 - - [10/Oct/2026:13:55:36 +0000] "GET {} HTTP/1.1" {} 1 "-" "-"\n'


def log(*urls: str, status: int = 200) -> str:
    return "".join(SHOWN.format(url, status) for url in urls)


@pytest.fixture
def rules(tmp_path: Path) -> Path:
    (tmp_path / "rules.toml").write_text(RULES)
    return tmp_path / "rules.toml"


def run(rules: Path, *arguments: str, text: str | None = None, code: int = 0) -> CompletedProcess[str]:
    ran = run_apart([command("origin"), "rules", *arguments], {"ORIGIN_RULES": str(rules)}, text)
    assert ran.returncode == code, ran
    return ran


def test_a_url_is_shown_with_its_rule_name_and_code(rules: Path) -> None:
    shown = run(rules, "https://any.example.org:8443/images/a/ab/Größe 1.jpg?x=1#top", "/images/a/ab/b.png").stdout
    assert shown.splitlines() == [
        "https://any.example.org:8443/images/a/ab/Größe 1.jpg?x=1#top: rule 1, name Größe 1.jpg,"
        f" code {code_of_name('Größe 1.jpg')}",
        f"/images/a/ab/b.png: rule 1, name b.png, code {code_of_name('b.png')}",
    ]


def test_a_url_that_leads_nowhere_says_why(rules: Path) -> None:
    shown = run(rules, "/images/a/ab/b.png", "/wiki/X", "/images/a//b.png", code=3).stdout.splitlines()
    assert shown[1:] == ["/wiki/X: no rule reads it", "/images/a//b.png: unreadable: its path has an empty segment"]


def test_the_host_of_a_url_counts_and_else_that_of_the_flag(rules: Path) -> None:
    assert "rule 2, name A.jpg" in run(rules, "http://WIKI.example.org:80/thumb.php?w=2&f=A.jpg").stdout
    assert "rule 2, name A.jpg" in run(rules, "--host", "wiki.example.org", "/thumb.php?f=A.jpg").stdout
    assert "no rule" in run(rules, "--host", "wiki.example.org", "http://other/thumb.php?f=A.jpg", code=3).stdout


def test_a_log_shows_what_each_rule_reads_and_what_none_does(rules: Path, tmp_path: Path) -> None:
    lines = [
        log("/images/a/ab/b.png", "/images/c/cd/e.png?x=1", "/images/a//b.png"),
        log("/thumb.php?f=A.jpg").replace("::1", "wiki.example.org:443 ::1"),
        log("/media/1.JPG?w=1", "/media/1.JPG?w=2", "/media/2.jpg", "/wiki/X?a", "/wiki/X?b", "/wiki/X"),
        log("/media/away.jpg", status=404),
        log("/media/3.jpg").replace("GET", "POST"),
        "no line of a log\n",
    ]
    (tmp_path / "access.log").write_text("".join(lines))
    shown = run(rules, "--against", str(tmp_path / "access.log"), code=3).stdout
    assert (
        shown
        == """10 requests were shown
  2 by rule 1
  1 by rule 2
  6 by no rule
  1 unreadable
2 left out: another status than 200, 206 and 304, or no GET or HEAD
1 not read: lines in another format than Common and Combined

unreadable, so that an edge answers 404:
  1  /images/a//b.png: its path has an empty segment

read by no rule, and it ends like an image:
  2  /media/1.JPG
  1  /media/2.jpg

read by no rule:
  3  /wiki/X
"""
    )


def test_a_log_of_which_only_pages_are_left_needs_no_attention(rules: Path) -> None:
    shown = run(rules, "--against", "-", "--limit", "1", text=log("/images/a/ab/b.png", "/x", "/y", "/x")).stdout
    assert "  2  /x\n  and 1 more: --limit 2 lists them\n" in shown
    assert "ends like an image" not in shown
    run(rules, "--against", "-", text=log("/images/a/ab/b.png"))
    run(rules, "--against", "-", "/wiki/X", text=log("/images/a/ab/b.png"), code=3)


def test_what_is_no_access_log_fails(rules: Path) -> None:
    for text in ("", "nonsense\n", log("/images/a/ab/b.png", status=404)):
        assert "none of its" in run(rules, "--against", "-", text=text, code=1).stderr


def test_wrong_usage_does_nothing(rules: Path, tmp_path: Path) -> None:
    assert "name URLs" in run(rules, code=2).stderr
    assert "No such file" in run(rules, "--against", str(tmp_path / "none"), code=2).stderr
    assert "No such file" in run(tmp_path / "none", "/x", code=1).stderr


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_is_printed_as_a_file_that_can_be_used(tmp_path: Path, preset: str) -> None:
    (tmp_path / "printed.toml").write_text(run(tmp_path / "none", "--preset", preset).stdout)
    assert len(read_rules(tmp_path / "printed.toml")) == len(read_rules(preset_path(preset)))


def test_a_preset_judges_urls_as_a_file_does(tmp_path: Path) -> None:
    assert "name Cat.jpg" in run(tmp_path / "none", "--preset", "mediawiki", "/images/a/ab/Cat.jpg").stdout
    assert run_apart([command("origin"), "rules"], {}).returncode == 2


def test_a_preset_is_printed_with_the_site_s_own_server(tmp_path: Path) -> None:
    printed = run(tmp_path / "none", "--preset", "wordpress", "--server", "http://127.0.0.1:8080").stdout
    (tmp_path / "printed.toml").write_text(printed)
    assert [str(site.server) for site in read_sites(tmp_path / "printed.toml")] == ["127.0.0.1:8080"]
    assert len(read_rules(tmp_path / "printed.toml")) == len(read_rules(preset_path("wordpress")))
    for wrong in ("127.0.0.1:8080", "http://h/path"):
        assert "--server" in run(tmp_path / "none", "--preset", "wordpress", "--server", wrong, code=2).stderr
    assert (
        "are for printing"
        in run(tmp_path / "none", "--preset", "wordpress", "--server", "http://h", "/", code=2).stderr
    )


def test_the_preset_of_wagtail_names_the_site_s_database(tmp_path: Path) -> None:
    printed = run(tmp_path / "none", "--preset", "wagtail", "--site", "gallery").stdout
    assert (printed.count("FROM gallery.wagtailimages_"), printed.count("FROM wagtail.")) == (2, 0)
    assert "--site" in run(tmp_path / "none", "--preset", "wordpress", "--site", "gallery", code=2).stderr
    assert "--site" in run(tmp_path / "none", "--preset", "wagtail", "--site", "a b", code=2).stderr
