"""Takes a list that a moderator has pasted: says what each line means, and bans or lifts all of it together."""

import secrets
from collections.abc import Iterator
from http import HTTPStatus
from io import BytesIO
from typing import Any, NamedTuple

from purger.console.actions import Action, naming_failures
from purger.console.moderation_pages import act_once, read_wish, require_right
from purger.console.templating import render
from purger.console.users.access import Visitor
from purger.console.web import Answer, RefusedRequestError, Request, page
from purger.moderation.bans import LONGEST_REASON
from purger.moderation.delivery_readiness import read_delivery_readiness
from purger.moderation.lists import Banning, Chunk, ChunkResult, Lifting, ListedSubject, read_chunks
from purger.moderation.site_names import SiteNames
from purger.moderation.subjects import MalformedSubjectError, Subject, parse_subject, split_line
from purger.text_format import counted
from takedown_db.connection.lasting_connection import Connection

#: Most lines of a list. `purger ban --from` takes any number.
MOST_LINES = 500

_TOO_LONG = f"A list has at most {MOST_LINES} lines here; `purger ban --from FILE` takes any number."


class CheckedLine(NamedTuple):
    """A line, with what it means and what would come of it."""

    number: int
    text: str
    subject: Subject | None
    said: str
    style: str = ""  # good: it would be carried out; bad: it is refused


def ask(request: Request) -> Answer:
    """Answer ``GET /list``: ask for a list, and say what came of the last one."""
    require_right(request)
    return _page(request.visitor, Action.BAN, notice=request.visitor.session.outcome(request.query("done")) or "")


def check(request: Request) -> Answer:
    """Answer ``POST /list``: say what each line means, and what the list would do. Changes nothing."""
    form, action, reason, problem = read_wish(request)
    texts = [line.strip() for line in form.get("lines", "").splitlines()]
    if len(texts) > MOST_LINES:
        problem = _TOO_LONG
    values = {"problem": problem} if problem else _effects(request, action, reason, texts)
    return _page(request.visitor, action, texts=texts, reason=reason, **values)


def carry_out(request: Request) -> Answer:
    """Answer ``POST /list/carry-out``: do what the check has said, once, in one transaction."""
    form, action, reason, problem = read_wish(request)
    texts = form.get("subjects", "").split()
    try:
        listed = [ListedSubject(number, parse_subject(*split_line(text))) for number, text in enumerate(texts, 1)]
    except MalformedSubjectError as error:
        listed, problem = [], str(error)
    if problem or len(listed) > MOST_LINES:
        raise RefusedRequestError(HTTPStatus.BAD_REQUEST, problem or _TOO_LONG)

    def act() -> str:
        with naming_failures(), request.databases.moderating() as connection:
            return _carry_out(_change(connection, action, request.visitor, reason), listed)

    return act_once(request.visitor, form, f"{action} of a list of {len(listed)}", act, "/list")


def _effects(request: Request, action: Action, reason: str, texts: list[str]) -> dict[str, Any]:
    with request.databases.moderating() as connection:
        find = SiteNames(connection).lines
        chunk = next(read_chunks(BytesIO("\n".join(texts).encode()), find, MOST_LINES), None)
        if chunk is None:
            return {"problem": "The list is empty."}
        result = _change(connection, action, request.visitor, reason, dry_run=True).carry_out(chunk.subjects)
        delivery = read_delivery_readiness(connection)
    return {
        "checked": list(_checked(action, texts, chunk, result)),
        "changed": result.changed,
        "sum": _sum(action, result, delivery.edges),
        "obstacle": delivery.obstacle,
        "form": secrets.token_hex(8),
    }


def _page(visitor: Visitor, action: Action, **values: Any) -> Answer:
    status = HTTPStatus.BAD_REQUEST if values.get("problem") else HTTPStatus.OK
    limits = {"longest": LONGEST_REASON, "most": MOST_LINES}
    return page(render("list", visitor=visitor, action=action, **limits, **values), status)


def _change(
    connection: Connection, action: Action, visitor: Visitor, reason: str, *, dry_run: bool = False
) -> Banning | Lifting:
    by = visitor.user.name
    if action is Action.BAN:
        return Banning(connection, reason=reason, banned_by=by, ahead=False, again=False, dry_run=dry_run)
    return Lifting(connection, lifted_by=by, reason=reason, dry_run=dry_run)


def _checked(action: Action, texts: list[str], chunk: Chunk, result: ChunkResult) -> Iterator[CheckedLine]:
    """Yield the lines that are no comments, in their order."""
    done = "banned" if action is Action.BAN else "lifted"
    refused = {each.line: each.reason for each in (*chunk.refused, *result.refused)}
    subjects, first, changed = dict(chunk.subjects), dict[Subject, int](), set(result.changed)
    for number in sorted(subjects.keys() | refused.keys()):
        subject, text = subjects.get(number), texts[number - 1]
        if subject is None or number in refused:
            yield CheckedLine(number, text, subject, refused[number], "bad")
        elif subject in first:
            yield CheckedLine(number, text, subject, f"the same as line {first[subject]}")
        elif subject in changed:
            yield CheckedLine(number, text, subject, f"will be {done}", "good")
        else:
            yield CheckedLine(number, text, subject, f"{done} already")
        if subject is not None:
            first.setdefault(subject, number)


def _sum(action: Action, result: ChunkResult, edges: int) -> str:
    """Say what the list would do, with its numbers."""
    subjects, at = counted(len(result.changed), "subject"), f"at {counted(edges, 'enabled edge')}"
    if not result.changed:
        return "It would change nothing."
    if action is Action.LIFT:
        return f"Lifts the bans on {subjects} {at}."
    return f"Bans {subjects}, which hides {counted(sum(result.images.values()), 'image')} {at}."


def _carry_out(change: Banning | Lifting, listed: list[ListedSubject]) -> str:
    """Carry out a list, and say what came of it."""
    verb, before = ("Banned", "banned") if isinstance(change, Banning) else ("Lifted the bans on", "lifted")
    result = change.carry_out(listed)
    said = [f"{verb} {counted(len(result.changed), 'subject')}"]
    said += [f"{result.unchanged:,} {before} already"] if result.unchanged else []
    said += [f"{counted(len(result.refused), 'line')} refused"] if result.refused else []
    if isinstance(change, Lifting) and (hidden := change.count_hidden()):
        said.append(f"{counted(hidden, 'image')} still hidden by a ban of the owner or the bytes")
    return "; ".join(said) + "."
