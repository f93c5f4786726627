"""Find each list of scopes in SQL, Python and VCL: a scope that one of them lacks is banned in part."""

import re
from importlib import resources

import pytest

from purger.model import Row
from purger.outbox.plan import make_plan
from purger.probing import subject_images
from takedown_base import subject_keys
from takedown_base.scope import Scope

_PACKAGE = resources.files("takedown_db")

#: All SQL in use. Migrations tell what was known at their time.
_SQL = {
    script.name: script.read_text(encoding="utf-8")
    for directory in ("sql", "sql/origin", "schema/definitions")
    for script in _PACKAGE.joinpath(directory).iterdir()
    if script.name.endswith(".sql")
}

#: ('image', 'owner', ...), and (('image', ...), ('owner', ...), ...).
_LIST = re.compile(r"\((?:'\w+', )*'image'(?:, '\w+')+\)")
_PAIRS = re.compile(r"\(\('image', .*\)\)")


def lists() -> list[tuple[str, str]]:
    """Return each list of scopes with the name of its file."""
    return [
        (name, found[0]) for name, text in _SQL.items() for found in [*_LIST.finditer(text), *_PAIRS.finditer(text)]
    ]


def scopes(text: str) -> set[str]:
    return set(re.findall(r"'(\w+)'", text)) & set(Scope)


def test_the_lists_are_found() -> None:
    files = [name for name, _ in lists()]
    for name, at_least in (
        ("check_triggers.sql", 4),
        ("numbering_routines.sql", 2),
        ("lookup.sql", 3),
    ):
        assert files.count(name) >= at_least, name


@pytest.mark.parametrize(("name", "text"), lists())
def test_each_list_of_scopes_in_sql_has_all(name: str, text: str) -> None:
    # 'image' is also a cause of rows in the outbox.
    assert "'rendition'" in text or scopes(text) == set(Scope), f"{name}: {text}"


def test_the_messages_of_triggers_name_all() -> None:
    messages = re.findall(r"\.scope must be ([a-z, ]+), in small letters", _SQL["check_triggers.sql"])
    assert len(messages) == 3
    for message in messages:
        assert set(re.split(r", | or ", message)) == set(Scope)


def test_subjects_are_checked_and_delivered_for_each_scope() -> None:
    assert subject_keys._FULL_SUBJECT.keys() == set(Scope)
    assert subject_images._PAGES.keys() == set(Scope) - {Scope.IMAGE}


def test_tags_of_scopes_differ() -> None:
    plan = make_plan([Row(1, 1, scope, "a" * 64, "ban") for scope in Scope], 1, 1)
    tags = [dict(request.headers)["Takedown-Tags"] for request in plan.requests]
    assert tags == [f"{letter}:{'a' * 64}" for letter in "iod"]
