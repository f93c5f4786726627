"""Find images by rules with a query, whose row a test gives instead of a database."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from origin.verdict.rules import NoRowError, Rule, UnusableRulesError, find_image, read_rules
from origin.verdict.url import UnreadableUrlError, read_url

RULES = """[[rule]]
match = '^/media/(?P<folder>images|originals)/(?P<file>[^/]+)$'
query = "SELECT image_id AS number FROM site.renditions WHERE file = %(file)s AND size = %(w)s"
parameters = ["w"]
name = "{folder}-{number}"
"""


def rules(directory: Path, text: str = RULES) -> tuple[Rule, ...]:
    (directory / "rules.toml").write_text(text)
    return read_rules(directory / "rules.toml")


def test_the_row_makes_the_name_and_gets_only_the_values_that_it_asks_for(tmp_path: Path) -> None:
    asked = []

    def ask(query: str, values: Mapping[str, str]) -> Mapping[str, str]:
        asked.append((query.partition(" FROM")[0], dict(values)))
        return {"number": "7"}

    image = find_image(rules(tmp_path), read_url("h", "/media/images/gr%C3%BCn.jpg?w=20"), ask)
    assert image is not None
    assert image.name == "images-7"
    assert asked == [("SELECT image_id AS number", {"file": "grün.jpg", "w": "20"})]
    assert find_image(rules(tmp_path), read_url("h", "/pages/x.jpg"), ask) is None
    assert len(asked) == 1


def test_without_a_row_a_column_or_a_database_nothing_is_shown(tmp_path: Path) -> None:
    url = read_url("h", "/media/images/a.jpg")
    with pytest.raises(NoRowError):
        find_image(rules(tmp_path), url, lambda *_: None)
    with pytest.raises(UnreadableUrlError, match="no column 'number'"):
        find_image(rules(tmp_path), url, lambda *_: {"id": "7"})
    with pytest.raises(UnreadableUrlError, match="no database"):
        find_image(rules(tmp_path), url)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("DELETE FROM t WHERE a = %(file)s", "one SELECT"),
        ("SELECT 1; SELECT %(file)s", "one SELECT"),
        ("SELECT a FROM t WHERE a LIKE '%' AND b = %(file)s", "one SELECT"),
        ("SELECT a FROM t WHERE a = %s", "one SELECT"),
        ("SELECT a FROM t", "has to take values"),
        ("SELECT a FROM t WHERE a = %(other)s", "has to take values"),
    ],
)
def test_a_query_that_is_no_lookup_is_refused(tmp_path: Path, query: str, message: str) -> None:
    with pytest.raises(UnusableRulesError, match=message):
        rules(tmp_path, f'[[rule]]\nmatch = "^/(?P<file>.+)"\nname = "{{a}}"\nquery = "{query}"\n')
