"""Mistype the arguments of moderators' commands: each error names the rule and a way out."""

import pytest

from tests.support.moderation_desk import Desk


@pytest.mark.parametrize("subject", ["with space", "trailing ", "dot.dot", "a/b", "ü", "", "x" * 65, "x" * 300, "a\n"])
@pytest.mark.parametrize("verb", ["ban", "lift", "bans"])
def test_what_can_be_no_code_is_refused_with_the_rule(desk: Desk, verb: str, subject: str) -> None:
    before = desk.bans()
    result = desk.run(verb, "--", subject, code=2)
    assert "1 to 64 of A-Z a-z 0-9 _ -" in result.stderr
    assert desk.bans() == before


@pytest.mark.parametrize("typed", ["https://img.example.org/images/cat-1/thumb?x=1", "cat-1.JPG", "uploads/cat-1.webp"])
def test_the_code_in_a_url_or_a_file_name_is_suggested(desk: Desk, typed: str) -> None:
    for verb in ("ban", "lift"):
        assert "(did you mean 'cat-1'?)" in desk.run(verb, typed, code=2).stderr
    assert "(did you mean 'cat-1'?)" in desk.run("wait", typed, "0", code=2).stderr


@pytest.mark.parametrize(
    "arguments",
    [
        *(
            ["ban", "--wait", "nan", "abc"],
            ["ban"],
            ["ban", "abc", "--owner", "abc"],
            ["ban", "--wait", "-1", "abc"],
            ["lift"],
            ["bans", "--limit", "0"],
        ),
        *(["wait"], ["wait", "soon"], ["wait", "a", "b", "1"], ["wait", "a", "--ban", "1", "1"], ["wait", "nan"]),
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
