"""Read files of rules, and find by them the image that a URL shows."""

import time
from pathlib import Path

import pytest

from origin.verdict.rules import Rule, UnusableRulesError, find_image, read_rules
from origin.verdict.url import UnreadableUrlError, read_url
from takedown_base.name_codes import code_of_name

WIKI = r"""[[rule]]
match = '^/images/(?:thumb/)?(?:archive/)?[^/]/[^/][^/]/(?:\d{14}!)?(?P<name>[^/]+)'
[[rule]]
host = "WWW.example.org"
match = '^/thumb\.php$'
parameters = ["f"]
name = "{f}"
[[rule]]
match = '^/up/(?P<year>\d+)/(?P<file>.+?)(?:-\d+x\d+)?\.(?P<kind>jpg|png)$'
name = "{year}/{file}.{kind}"
"""


def rules(directory: Path, text: str = WIKI) -> tuple[Rule, ...]:
    file = directory / "rules.toml"
    file.write_text(text)
    return read_rules(file)


@pytest.mark.parametrize(
    ("target", "rule", "name"),
    [
        ("/images/a/ab/Abc.jpg", 1, "Abc.jpg"),
        ("/images/thumb/a/ab/Abc.jpg/120px-Abc.jpg", 1, "Abc.jpg"),
        ("/images/archive/a/ab/20250102030405!Abc.jpg", 1, "Abc.jpg"),
        ("/images/thumb/archive/a/ab/20250102030405!%C3%9C.svg/120px-%C3%9C.svg.png", 1, "Ü.svg"),
        ("/images/a/ab/" + "x" * 75 + ".jpg", 1, "x" * 75 + ".jpg"),
        ("/thumb.php?w=20&f=Abc.jpg", 2, "Abc.jpg"),
        ("/up/2025/photo-300x200.jpg", 3, "2025/photo.jpg"),
        ("/up/2025/photo.jpg?ver=2", 3, "2025/photo.jpg"),
    ],
)
def test_every_url_of_an_image_leads_to_its_name(tmp_path: Path, target: str, rule: int, name: str) -> None:
    image = find_image(rules(tmp_path), read_url("www.example.org", target))
    assert image is not None
    assert (image.rule, image.name, image.code) == (rule, name, code_of_name(name))


@pytest.mark.parametrize(
    ("host", "target"),
    [("www.example.org", "/"), ("www.example.org", "/index.php?f=x"), ("other.example.org", "/thumb.php?f=x")],
)
def test_a_url_without_a_rule_leads_nowhere(tmp_path: Path, host: str, target: str) -> None:
    assert find_image(rules(tmp_path), read_url(host, target)) is None


def test_a_path_whose_parameters_a_server_may_drop_is_refused_if_an_image_is_behind_it(tmp_path: Path) -> None:
    for target in ("/images;x=1/a/ab/Abc.jpg", "/images/a/ab/Abc.jpg;x=1", "/images%3Bx/a/ab/Abc.jpg"):
        with pytest.raises(UnreadableUrlError, match="parameters"):
            find_image(rules(tmp_path), read_url("h", target))
    assert find_image(rules(tmp_path), read_url("h", "/wiki/A;B")) is None


def test_a_rule_that_makes_no_name_shows_nothing(tmp_path: Path) -> None:
    with pytest.raises(UnreadableUrlError, match="rule 2"):
        find_image(rules(tmp_path), read_url("www.example.org", "/thumb.php"))


def test_a_rule_s_time_does_not_grow_with_what_a_visitor_writes(tmp_path: Path) -> None:
    hostile = rules(tmp_path, "[[rule]]\nmatch = '^/(?P<name>(a+)+.*.*.*b)$'\n")
    began = time.process_time()
    assert find_image(hostile, read_url("h", "/" + "a" * 2000)) is None
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "at least one"),
        ("rule = 1", "at least one"),
        ("[other]\n", "at least one"),
        ("[[rule]", "no TOML"),
        ("[[rule]]\n", "rule 1: it has no key match"),
        ("[[rule]]\nmatch = '^/(?P<name>.)'\n[[rule]]\nmatch = 1", "rule 2: match is not a text"),
        ("[[rule]]\nmatch = '^/(?P<name>.)'\nmtach = ''", "rule 1: it has the key mtach"),
        ("[[rule]]\nmatch = '/(?P<name>.)'", "begin with ^/"),
        ("[[rule]]\nmatch = '^/(?P<name>.'", "no expression of RE2: missing )"),
        ("[[rule]]\nmatch = '^/(?P<name>.)(?=x)'", "no expression of RE2"),
        ("[[rule]]\nmatch = '^/(.)'", "write (?P<name>...) in it"),
        ("[[rule]]\nmatch = '^/(?P<name>.)'\nname = 'x'", "in braces"),
        ("[[rule]]\nmatch = '^/(?P<name>.)'\nname = '{'", "in braces"),
        ("[[rule]]\nmatch = '^/(?P<name>.)'\nname = '{name.__class__}'", "in braces"),
        ("[[rule]]\nmatch = '^/(?P<name>.)'\nname = '{name:>99999999}'", "in braces"),
        ("[[rule]]\nmatch = '^/(?P<name>.)'\nname = '{name!r}'", "in braces"),
        ("[[rule]]\nmatch = '^/(?P<name>.)'\nparameters = ['name']", "rename the group"),
        ("[[rule]]\nmatch = '^/(?P<name>.)'\nparameters = [1]", "parameters is not a list of texts"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_the_rule_and_the_reason(
    tmp_path: Path, text: str, message: str
) -> None:
    with pytest.raises(UnusableRulesError) as refused:
        rules(tmp_path, text)
    assert str(tmp_path / "rules.toml") in str(refused.value)
    assert message in str(refused.value)


def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnusableRulesError, match="No such file"):
        read_rules(tmp_path / "rules.toml")
    (tmp_path / "rules.toml").write_bytes(b"\xff")
    with pytest.raises(UnusableRulesError, match="no TOML"):
        read_rules(tmp_path / "rules.toml")
