"""Writes the SQL of a hook: triggers on a site's own table that ban what the site takes down. Pure functions."""

import hashlib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from takedown_base.scope import Scope
from takedown_base.subject_keys import CODE_ALPHABET, DIGEST_ALPHABET
from takedown_db.hooks.expression import of_row, quoted, text_literal
from takedown_db.statements import statement_lines

#: The account under which the triggers run.
_DEFINER = "takedown_hook@localhost"

_NOUNS = {Scope.IMAGE: "code", Scope.OWNER: "owner's key", Scope.DIGEST: "digest"}


@dataclass(frozen=True, slots=True)
class Rule:
    """A row of the statement ``hook_list``: the rule of a hook. ``subject``, ``when`` and ``content`` are SQL."""

    name: str  # that its bans carry in ``banned_by``
    schema: str
    table: str
    scope: Scope
    subject: str
    when: str
    reason: str
    content: str | None = None  # a change of its value purges the subject
    bans_deleted: bool = True
    lifts_deleted: bool = False
    purges_renamed: bool = False
    lifts_inserted: bool = False
    purges_deleted: bool = False

    @property
    def place(self) -> str:
        """The table with its database, for people."""
        return f"{self.schema}.{self.table}"

    @property
    def quoted_table(self) -> str:
        """The table with its database, for SQL."""
        return f"{quoted(self.schema)}.{quoted(self.table)}"


class Trigger(NamedTuple):
    """A trigger of a hook. Another definition has another name."""

    name: str
    event: str  # INSERT, UPDATE or DELETE
    sql: str


class RecordedTrigger(NamedTuple):
    """A row of the statement ``hook_triggers``: a trigger as the server had it when the hook was applied."""

    hook: str
    name: str
    event: str
    body: str


class PresentTrigger(NamedTuple):
    """A trigger that exists: a row of the third result of the statement ``hooks_and_triggers``."""

    schema: str
    table: str
    name: str
    timing: str
    event: str
    definer: str
    body: str


@dataclass(frozen=True, slots=True)
class HookState:
    """A hook, with the names of its triggers that are missing or altered. The fields are keys of `status --json`."""

    name: str
    table: str
    missing: tuple[str, ...] = ()


def fill(name: str, words: dict[str, str]) -> str:
    """Return the statement ``name`` with its {words} replaced."""
    return re.sub(r"\{(\w+)\}", lambda word: words[word[1]], statement_lines(name))


def words_of(rule: Rule, columns: Collection[str], database: str) -> dict[str, str]:
    """Write the words of a rule for the statements. ``database`` holds bans. Raises ``ExpressionError``."""
    return {
        "database": quoted(database),
        "table": rule.quoted_table,
        "name": text_literal(rule.name),
        "scope": text_literal(rule.scope),
        "reason": text_literal(rule.reason),
        "schema_text": text_literal(rule.schema),
        "table_text": text_literal(rule.table),
        "subject_text": text_literal(rule.subject),
        "when_text": text_literal(rule.when),
        "deleted": _truth(rule.bans_deleted),
        "lifting": _truth(rule.lifts_deleted),
        "renamed": _truth(rule.purges_renamed),
        "lifts_inserted": _truth(rule.lifts_inserted),
        "purging": _truth(rule.purges_deleted),
        "content_text": text_literal(rule.content) if rule.content else "NULL",
        "content": rule.content or "NULL",
        "inserted": "TRUE" if rule.lifts_inserted else "v_hidden",
        # Variables of the site's session, by which an INSERT knows the DELETE of the same REPLACE.
        "replaced": f"@{quoted(f'takedown_{rule.name}')}",
        "replaced_ban": f"@{quoted(f'takedown_{rule.name}_ban')}",
        **_form_of(rule, quoted(database)),
        "subject": rule.subject,
        "when": rule.when,
        **{f"{row}_subject": of_row(rule.subject, columns, row.upper()) for row in ("new", "old")},
        **{f"{row}_when": of_row(rule.when, columns, row.upper()) for row in ("new", "old")},
        **{f"{row}_content": of_row(f"({rule.content or 'NULL'})", columns, row.upper()) for row in ("new", "old")},
    }


def _truth(value: bool) -> str:
    return "TRUE" if value else "FALSE"


def _form_of(rule: Rule, database: str) -> dict[str, str]:
    """Write the rule of the schema for a subject, and the error for a row with another one."""
    is_digest = rule.scope is Scope.DIGEST
    # The text of a SIGNAL has 128 characters at most.
    alphabet = f"{DIGEST_ALPHABET}, SHA-1, MD5" if is_digest else CODE_ALPHABET
    return {
        "lengths": "IN (32, 40, 64)" if is_digest else "BETWEEN 1 AND 64",
        "subject_key": _key_of("v_subject", database, is_digest=is_digest),
        "before_key": _key_of("v_before", database, is_digest=is_digest),
        "found_key": _key_of("subject", database, is_digest=is_digest),
        "strange": text_literal("[^0-9a-f]" if is_digest else "[^A-Za-z0-9_-]"),
        "refusal": text_literal(f"hook {rule.name}: the {_NOUNS[rule.scope]} of this row is not {alphabet}"),
    }


def _key_of(text: str, database: str, *, is_digest: bool) -> str:
    """Write the subject that a ban of a text has."""
    key = f"CONVERT({text} USING ascii)"
    key = f"{database}.content_of_name({key})" if is_digest else f"{key} COLLATE ascii_bin"
    # A row with another subject is refused afterwards, with a message that says so.
    return f"IF({text} REGEXP '[^A-Za-z0-9_-]', NULL, {key})"


def triggers_of(rule: Rule, words: dict[str, str]) -> list[Trigger]:
    """Write the triggers of a rule with its words."""
    events = {"hook_inserted": "INSERT", "hook_updated": "UPDATE", "hook_deleted": "DELETE"}
    return [_trigger(rule, template, event, words) for template, event in events.items()]


def _trigger(rule: Rule, template: str, event: str, words: dict[str, str]) -> Trigger:
    content = hashlib.sha256(fill(template, {**words, "trigger": ""}).encode()).hexdigest()
    name = f"takedown_{rule.name}_{event.lower()}_{content[:6]}"
    return Trigger(name, event, fill(template, {**words, "trigger": f"{quoted(rule.schema)}.{quoted(name)}"}))


def record_statements(triggers: Iterable[Trigger], words: dict[str, str]) -> list[str]:
    """Write the statements that record a hook and its triggers, once these exist."""
    return [
        fill("hook_record", words),
        fill("hook_forget_triggers", words),
        *(fill("hook_record_trigger", {**words, "trigger_text": text_literal(each.name)}) for each in triggers),
    ]


def script(before: Sequence[str], triggers: Sequence[Trigger], after: Sequence[str]) -> str:
    """Write statements as lines to paste into the client of the database."""
    bodies = "".join(trigger.sql for trigger in triggers)
    end = next(each for each in ("//", "$$", "!!", "::::") if each not in bodies)
    return "\n\n".join(
        [
            "\n".join(f"{each};" for each in before),
            f"DELIMITER {end}",
            *(f"{trigger.sql}{end}" for trigger in triggers),
            "DELIMITER ;",
            *(f"{each};" for each in after),
        ]
    )


def is_of_hook(trigger: str, hook: str) -> bool:
    """Tell whether a trigger has a name of this hook's, of whatever definition."""
    return re.fullmatch(rf"takedown_{re.escape(hook)}_(insert|update|delete)_[0-9a-f]{{6}}", trigger) is not None


def same_body(one: str, other: str) -> bool:
    """Compare two bodies of triggers. Servers differ in white space, and in the semicolon at the end."""
    return " ".join(one.split()).rstrip(" ;") == " ".join(other.split()).rstrip(" ;")


def unwatched_triggers(
    hooks: Iterable[tuple[str, str, str]], recorded: Iterable[RecordedTrigger], present: Iterable[PresentTrigger]
) -> tuple[str, ...]:
    """Name the triggers that write bans and belong to none of ``hooks``, each with its database."""
    schemas = {name: schema for name, schema, _ in hooks}
    known = {(schemas.get(each.hook), each.name) for each in recorded}
    return tuple(f"{each.schema}.{each.name}" for each in present if (each.schema, each.name) not in known)


def judge_hooks(
    hooks: Iterable[tuple[str, str, str]], recorded: Iterable[RecordedTrigger], present: Iterable[PresentTrigger]
) -> tuple[HookState, ...]:
    """Compare the triggers that exist with those that were recorded. ``hooks`` are name, schema and table of each."""
    by_place = {(each.schema, each.table, each.name): each for each in present}
    every = list(recorded)
    return tuple(
        HookState(
            name,
            f"{schema}.{table}",
            tuple(
                own.name
                for own in every
                if own.hook == name and not _is_intact(own, by_place.get((schema, table, own.name)))
            ),
        )
        for name, schema, table in hooks
    )


def _is_intact(own: RecordedTrigger, present: PresentTrigger | None) -> bool:
    return (
        present is not None
        and (present.timing, present.event, present.definer) == ("AFTER", own.event, _DEFINER)
        and same_body(present.body, own.body)
    )
