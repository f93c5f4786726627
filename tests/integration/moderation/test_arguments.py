"""Mistype the arguments of moderators' commands: each error names the rule and a way out."""

import pytest

from tests.support.sites.moderation_desk import Desk


@pytest.mark.parametrize("subject", ["with space", "trailing ", "dot.dot", "a/b", "ü", "", "x" * 65, "x" * 300, "a\n"])
@pytest.mark.parametrize("verb", ["ban", "lift", "bans"])
def test_what_can_be_no_code_is_refused_with_the_rule(desk: Desk, verb: str, subject: str) -> None:
    before = desk.bans()
    result = desk.run(verb, "--", subject, code=2)
    assert "1 to 64 of A-Z a-z 0-9 _ -" in result.stderr
    assert desk.bans() == before


@pytest.mark.parametrize(
    "typed", ["https://img.example.org/images/{}/thumb?x=1", "//img.example/images/{}", "/images/{}"]
)
def test_the_url_of_an_edge_is_taken_for_its_code_and_said(desk: Desk, typed: str) -> None:
    code = desk.new_image()
    url = typed.format(code)
    desk.sign()
    for arguments in (["ban", url], ["bans", url], ["wait", url, "0"], ["lift", url]):
        desk.number()
        assert f"'{url}' is taken for its code {code}" in desk.run(*arguments).stderr
    assert desk.sql("SELECT scope, lifted_at IS NULL FROM bans WHERE subject = %s", code) == [("image", 0)]


def test_a_url_that_no_edge_can_be_asked_for_is_refused(desk: Desk) -> None:
    desk.sql("INSERT INTO images (code, owner) VALUES ('12', 'anna')")
    before = desk.bans()
    url = "https://example.org/gallery/12.jpg"
    for arguments in (["ban", url], ["ban", "--ahead", url], ["bans", url], ["wait", url, "0"], ["lift", url]):
        said = desk.run(*arguments, code=2).stderr
        assert f"no edge says which image '{url}' leads to (paris: " in said
        assert "give its code, or the name by which it was imported" in said
    desk.sql("UPDATE edges SET enabled = FALSE")
    assert "leads to (there is none)" in desk.run("ban", url, code=2).stderr
    desk.sql("UPDATE edges SET enabled = TRUE")
    assert desk.bans() == before


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            ["ban", "--wait", "nan", "abc"],
            ["ban"],
            ["ban", "abc", "--owner", "abc"],
            ["ban", "abc", "--same-as", "abc"],
            ["lift", "--digest", "0" * 64, "--file", "/dev/null"],
            ["ban", "abc", "--from", "-"],
            ["lift", "abc", "--from", "-"],
            ["ban", "abc", "--dry-run", "--wait", "1"],
            ["ban", "abc", "--again"],
            ["lift", "abc", "--dry-run"],
            ["bans", "abc", "--scope", "image"],
            ["bans", "--scope", "edge"],
            ["bans", "--since", "yesterday"],
            ["ban", "--wait", "-1", "abc"],
            ["lift"],
            ["bans", "--limit", "0"],
        ),
        *(
            ["wait"],
            ["wait", "soon"],
            ["wait", "a", "b", "1"],
            ["wait", "a", "--ban", "1", "1"],
            ["wait", "--digest", "0" * 64, "--ban", "1", "1"],
            ["wait", "nan"],
        ),
    ],
)
def test_a_command_that_says_nothing_clear_is_refused(desk: Desk, arguments: list[str]) -> None:
    assert "Error: " in desk.run(*arguments, code=2).stderr


@pytest.mark.parametrize("arguments", [["sample-1-2"], ["--owner", "anna", "soon"]])
def test_a_wait_without_seconds_says_that_they_are_missing(desk: Desk, arguments: list[str]) -> None:
    assert f"SECONDS are missing: '{arguments[-1]}' is no number" in desk.run("wait", *arguments, code=2).stderr


@pytest.mark.parametrize("code", ["-abc", "--abc"])
def test_a_code_that_begins_with_a_dash_is_given_after_two(desk: Desk, code: str) -> None:
    for verb in ("ban", "lift", "bans"):
        assert f"{verb} -- {code}`" in desk.run(verb, code, code=2).stderr
        assert "No such option" not in desk.run(verb, "--", code, code={"ban": 3, "lift": 1, "bans": 0}[verb]).stderr
    assert f"wait -- {code}`" in desk.run("wait", code, "1", code=2).stderr
