"""Compare the triggers in a database with those that the schema defines."""

import hashlib
from importlib import resources

import pytest

from takedown_db.schema.triggers import SCRIPTS, altered_triggers, defined, judge_triggers, strayed_triggers

MADE = "2026-01-01 00:00:00.00"


def standing(**changes: object) -> list[tuple[object, ...]]:
    """Return the triggers of a complete schema as rows, with ``changes`` in that of bans_inserted."""
    rows = []
    for script in SCRIPTS:
        for own in defined(script).values():
            row = {
                "name": own.name,
                "on_table": own.on_table,
                "created": MADE,
                "timing": own.timing,
                "event": own.event,
                "definer": own.definer,
                "sql_mode": "",
                "body": f"\n  {own.body}\n",
            }
            rows.append(tuple((row | changes if own.name == "bans_inserted" else row).values()))
    return sorted(rows, key=str)


def without(name: str) -> list[tuple[object, ...]]:
    return [row for row in standing() if row[0] != name]


@pytest.mark.parametrize("script", SCRIPTS)
def test_every_trigger_of_a_script_is_understood(script: str) -> None:
    text = resources.files("takedown_db").joinpath("schema", "definitions", f"{script}.sql").read_text("utf-8")
    assert len(defined(script)) == text.count("TRIGGER IF NOT EXISTS")
    # Comments would end with their line, which the comparison does not see.
    assert not [own.name for own in defined(script).values() if "--" in own.body or "/*" in own.body or "#" in own.body]


def test_a_whole_database_lacks_nothing() -> None:
    judged = judge_triggers(standing())
    assert (judged.missing, judged.weakened) == ((), ())
    hook = ("site_hook", "pictures", MADE, "AFTER", "UPDATE", "root@localhost", "", "BEGIN END")
    assert judge_triggers([*standing(), hook]) == judged


def test_a_semicolon_that_mysql_adds_alters_nothing() -> None:
    body = defined("outbox_triggers")["bans_inserted"].body
    assert judge_triggers(standing(body=f"{body};")) == judge_triggers(standing())


def test_the_fingerprint_is_of_the_names_tables_and_times_of_the_outbox() -> None:
    outbox = sorted(f"{own.name} {own.on_table} {MADE}" for own in defined("outbox_triggers").values())
    assert judge_triggers(standing()).fingerprint == hashlib.sha256("\n".join(outbox).encode()).hexdigest()
    assert judge_triggers(without("bans_inserted_log")).fingerprint == judge_triggers(standing()).fingerprint


def test_a_trigger_that_was_made_again_is_told_by_its_time() -> None:
    again = judge_triggers(standing(created="2026-01-01 00:00:00.01"))
    assert again.missing == ()
    assert again.fingerprint != judge_triggers(standing()).fingerprint


@pytest.mark.parametrize(
    "change",
    [
        {"body": "BEGIN END"},
        {"body": "INSERT INTO invalidations (scope, subject, cause, ban_id) VALUES ('image', 'x', 'ban', NEW.id)"},
        {"timing": "BEFORE"},
        {"event": "UPDATE"},
        {"definer": "root@localhost"},
    ],
    ids=["nothing", "another subject", "timing", "event", "definer"],
)
def test_an_altered_trigger_is_missing(change: dict[str, object]) -> None:
    rows = standing(**change)
    assert judge_triggers(rows).missing == ("bans_inserted",)
    assert altered_triggers(rows) == ["bans_inserted"]


def test_a_trigger_that_went_with_a_renamed_table_is_missing() -> None:
    rows = standing(on_table="bans_old")
    assert judge_triggers(rows).missing == ("bans_inserted",)
    assert strayed_triggers(rows) == [("bans_inserted", "bans_old")]
    assert altered_triggers(rows) == []
    assert strayed_triggers(standing()) == []


def test_without_a_check_or_the_log_no_purge_is_lost() -> None:
    for name in ("bans_checked_insert", "moderation_log_signed"):
        judged = judge_triggers(without(name))
        assert (judged.missing, judged.weakened) == ((), (name,))
    assert judge_triggers(without("bans_inserted")).missing == ("bans_inserted",)
