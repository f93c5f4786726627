"""Write a site's expressions as those of a trigger, and judge the triggers of hooks."""

import pytest

from takedown_base.scope import Scope
from takedown_db.hooks.expression import ExpressionError, called_functions, of_row, text_literal
from takedown_db.hooks.triggers import (
    HookState,
    PresentTrigger,
    RecordedTrigger,
    Rule,
    Trigger,
    judge_hooks,
    triggers_of,
    words_of,
)

COLUMNS = ["code", "path", "Status", "left", "1st `one"]


@pytest.mark.parametrize(
    ("expression", "written"),
    [
        ("path IS NULL", "NEW.`path` IS NULL"),
        ("PATH IS NULL AND status='path'", "NEW.`PATH` IS NULL AND NEW.`status`='path'"),
        ("LEFT(code, 3) = `left`", "LEFT(NEW.`code`, 3) = NEW.`left`"),
        ('code = "a ""path"" \\" path"', 'NEW.`code` = "a ""path"" \\" path"'),
        ("`1st ``one` > 1.5e3 - -path", "NEW.`1st ``one` > 1.5e3 - -NEW.`path`"),
        ("site.code(path) = other", "site.code(NEW.`path`) = other"),
        ("path -> '$.code'", "NEW.`path` -> '$.code'"),
    ],
)
def test_columns_become_those_of_the_row_and_nothing_else_changes(expression: str, written: str) -> None:
    assert of_row(expression, COLUMNS, "NEW") == written


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("", "empty"),
        (" ", "empty"),
        ("path IS NULL;", "cannot be read at ';'"),
        ("path IS NULL -- no", "comment"),
        ("path /* no */", "comment"),
        ("path = 'no", 'cannot be read at "\'no"'),
        ("(path", "parentheses"),
        ("path) OR (path", "parentheses"),
        ("@path", "cannot be read"),
        ("1st IS NULL", "cannot be read at '1st"),
        ("new.path IS NULL", "the word new"),
        ("code IN (SELECT 1)", "the word SELECT"),
    ],
)
def test_what_is_no_expression_of_the_row_is_refused(expression: str, said: str) -> None:
    with pytest.raises(ExpressionError, match=said.replace("(", r"\(")):
        of_row(expression, COLUMNS, "NEW")


def test_a_comment_sign_in_a_text_is_none() -> None:
    assert of_row("path = '-- /*'", COLUMNS, "OLD") == "OLD.`path` = '-- /*'"


def test_functions_are_found_with_their_databases() -> None:
    assert called_functions("site.code (path) = `a b`.`c`(1) OR LEFT(code, 1)") == {
        ("site", "code"),
        ("a b", "c"),
        (None, "LEFT"),
    }


def test_a_text_is_quoted_for_a_session_in_which_backslashes_escape() -> None:
    assert text_literal("it's a\\b") == "'it''s a\\\\b'"


def made_by(rule: Rule) -> list[Trigger]:
    return triggers_of(rule, words_of(rule, COLUMNS, "takedown"))


def rule(**values: object) -> Rule:
    known = {"name": "pictures", "schema": "site", "table": "pictures", "subject": "`code`", "when": "path IS NULL"}
    return Rule(scope=Scope.IMAGE, reason="gone", **{**known, **values})  # type: ignore[arg-type]


def test_the_names_of_triggers_tell_definitions_apart_and_fit_the_server() -> None:
    first, again, other = (
        [trigger.name for trigger in made_by(each)] for each in (rule(), rule(), rule(when="path = '{name}'"))
    )
    assert first == again
    assert not set(first) & set(other)
    assert max(len(each.name) for each in made_by(rule(name="x" * 40))) <= 64


def test_braces_in_the_sites_own_sql_stay() -> None:
    assert "= '{name}')" in made_by(rule(when="path = '{name}'"))[0].sql


RECORDED = RecordedTrigger("pictures", "takedown_pictures_insert_0a1b2c", "INSERT", "BEGIN\n  DO 1;\nEND")
STANDING = PresentTrigger(
    "site",
    "pictures",
    RECORDED.name,
    "AFTER",
    "INSERT",
    "takedown_hook@localhost",
    "BEGIN DO 1; END;",
)


@pytest.mark.parametrize(
    ("standing", "missing"),
    [
        ([STANDING], ()),
        ([], (RECORDED.name,)),
        *(
            ([STANDING._replace(**{field: value})], (RECORDED.name,))
            for field, value in {
                "schema": "copy",
                "table": "old",
                "timing": "BEFORE",
                "event": "UPDATE",
                "definer": "site@localhost",
                "body": "BEGIN DO 2; END",
            }.items()
        ),
    ],
)
def test_a_trigger_stands_only_as_it_was_recorded(standing: list[PresentTrigger], missing: tuple[str, ...]) -> None:
    hooks = [("pictures", "site", "pictures")]
    assert judge_hooks(hooks, [RECORDED], standing) == (HookState("pictures", "site.pictures", missing),)
