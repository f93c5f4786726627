"""List bans by their person, time, scope and state."""

import json

import pytest

from tests.support.sites.moderation_desk import Desk

#: Rows of bans by two people within three days of 2024; the third is lifted.
ROWS = """INSERT INTO bans (scope, subject, banned_by, banned_at, lifted_at) VALUES
    ('image', 'filter-1', 'Anna', '2024-05-01 10:00:00.000', NULL),
    ('owner', 'filter-2', 'Ben', '2024-05-02 10:00:00.500', NULL),
    ('digest', %s, 'Anna', '2024-05-02 10:00:00.500', UTC_TIMESTAMP(3)),
    ('image', 'filter-4', 'Ben', '2024-05-03 10:00:00.000', NULL)"""

DIGEST = "ab" * 32


@pytest.fixture
def filled(desk: Desk) -> Desk:
    desk.sql("DELETE FROM bans WHERE banned_at < '2025-01-01'")
    desk.sql(ROWS, DIGEST)
    return desk


@pytest.mark.parametrize(
    ("filters", "found"),
    [
        ([], [4, 3, 2, 1]),
        (["--open"], [4, 2, 1]),
        (["--by", "Anna"], [3, 1]),
        (["--by", "Anna", "--open"], [1]),
        (["--by", "nobody"], []),
        (["--scope", "image"], [4, 1]),
        (["--scope", "owner"], [2]),
        (["--scope", "digest"], [3]),
        (["--since", "2024-05-02"], [4, 3, 2]),
        (["--since", "2024-05-02T10:00:00.500Z"], [4, 3, 2]),
        (["--since", "2024-05-02T10:00:01Z"], [4]),
        (["--since", "2024-05-02T10:01"], [4]),
        (["--until", "2024-05-02T10:00:00.500Z"], [1]),
        (["--until", "2024-05-02T10:00:00.501Z"], [3, 2, 1]),
        (["--since", "2024-05-02", "--until", "2024-05-03", "--scope", "owner", "--by", "Ben", "--open"], [2]),
        (["--limit", "2"], [4, 3]),
        (["--digest", DIGEST], [3]),
        (["filter-4"], [4]),
    ],
)
def test_bans_are_chosen_by_filters(filled: Desk, filters: list[str], found: list[int]) -> None:
    until = [] if "--until" in filters else ["--until", "2025-01-01"]
    numbers = {"filter-1": 1, "filter-2": 2, DIGEST: 3, "filter-4": 4}
    listed = json.loads(filled.run("bans", *filters, *until, "--json").stdout)
    assert [numbers[ban["subject"]] for ban in listed] == found


def test_a_list_says_who_banned_and_since_when(filled: Desk) -> None:
    lines = filled.run("bans", "--until", "2024-05-02", "--open").stdout.splitlines()
    assert lines[0].endswith(": image filter-1, 2024-05-01T10:00:00.000Z, open")
    assert lines[1] == "    by Anna"
    assert "there are more: --limit N shows N instead of 1" in filled.run("bans", "--limit", "1", "--by", "Ben").stderr


def test_a_lift_leaves_the_bans_words_and_has_its_own(filled: Desk) -> None:
    filled.run("lift", "filter-1", "--by", "Bob", "--reason", "withdrawn", "--wait", "0", code=3)
    filled.run("lift", "--from", "-", "--by", "Cleo", stdin="owner:filter-2\n", code=3)
    until = ["--until", "2025-01-01"]
    lines = filled.run("bans", "filter-1", *until).stdout.splitlines()
    assert lines[1:] == ["    by Anna", "    lifted by Bob: withdrawn"]
    (ban,) = json.loads(filled.run("bans", "--owner", "filter-2", *until, "--json").stdout)
    assert (ban["banned_by"], ban["reason"], ban["lifted_by"], ban["lift_reason"]) == ("Ben", "", "Cleo", "")
