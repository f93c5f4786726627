"""Answers the search, and shows one image, owner or digest: its bans, receipts, history, copies and pictures.

The search finds the subject that a text means.
"""

from http import HTTPStatus
from typing import Any

from purger.console.state.image_views import EDGES
from purger.console.state.subject_state import MOST_COUNTED, SubjectState, read_subject
from purger.console.templating import path_of, render
from purger.console.web import Answer, Request, page, read_subject_path, see_other
from purger.moderation.site_names import find_subject
from purger.moderation.subjects import MalformedSubjectError, Subject
from purger.probing.targets import edges_to_probe
from purger.receipts.judge import NEEDS_ATTENTION, ReceiptOutcome
from purger.text_format import counted, end_of_trust
from takedown_base.content_names import is_content_name
from takedown_base.printable import printable
from takedown_base.scope import Scope
from takedown_base.subject_keys import is_key
from takedown_db.connection.lasting_connection import Connection

#: Bans that are over, of one subject, whose receipts a page shows.
_PAST = 20

#: Edges that have not acknowledged, of which the verdict says when they stop trusting their caches.
_ENDS = 5

#: Characters of the longest text that is searched for.
_LONGEST = 2000


def search(request: Request) -> Answer:
    """Answer ``/search?q=TEXT``: lead to the one subject that was meant, or list several."""
    text = request.query("q").strip()
    found, problem, status = list[Subject](), "", HTTPStatus.OK
    if not text:
        return see_other("/")
    try:
        if len(text) > _LONGEST:
            raise MalformedSubjectError(f"{len(text):,} characters are too many for a code, an owner or a digest")
        with request.databases.reading() as connection:
            found = find_subjects(connection, text)
    except MalformedSubjectError as error:
        problem, status = str(error), HTTPStatus.BAD_REQUEST
    if len(found) == 1:
        return see_other(path_of(*found[0]))
    if not found and not problem:
        status = HTTPStatus.NOT_FOUND
    return page(render("found", visitor=request.visitor, text=text[:200], found=found, problem=problem), status)


def show(request: Request, scope: str, key: str) -> Answer:
    """Answer the page of a subject."""
    values = _values(request, read_subject_path(scope, key))
    pictures = _view_values(request, key) if scope == Scope.IMAGE else {}
    notice = request.visitor.session.outcome(request.query("done")) or ""
    return page(render("subject", notice=notice, **values, **pictures))


def show_part(request: Request, scope: str, key: str) -> Answer:
    """Answer with the part of a subject's page that changes."""
    return page(render("subject_part", **_values(request, read_subject_path(scope, key))))


def show_views(request: Request, code: str) -> Answer:
    """Answer with an image's pictures at the edges' public listeners."""
    return page(render("views_part", **_view_values(request, code)))


def _values(request: Request, subject: Subject) -> dict[str, Any]:
    with request.databases.reading() as connection:
        state = read_subject(connection, subject)
    past = [ban for ban in state.bans if not ban.ban.hides]
    return {
        "visitor": request.visitor,
        "state": state,
        "past": past[:_PAST],
        "more_past": len(past[_PAST:]),
        "verdict": _verdict(state),
        "subject": subject,
        "may": request.visitor.moderates and request.databases.moderates,
        "most": MOST_COUNTED,
        "Subject": Subject,
    }


def _view_values(request: Request, code: str) -> dict[str, Any]:
    start = request.number("from") or 0
    with request.databases.reading() as connection:
        digests = {str(name): str(digest) for name, digest in connection.rows("rendition_digests", code=code)}
        enabled = edges_to_probe(connection)
        ((banned, _),) = connection.rows("is_banned", code=code)
    edges = enabled[start : start + EDGES]
    answers = request.views.request(edges, code, digests)
    more = start + EDGES if len(enabled) > start + EDGES else None
    pairs = list(zip(edges, answers, strict=True))
    return {"code": code, "views": pairs, "all_edges": len(enabled), "start": start, "more": more, "banned": banned}


def _verdict(state: SubjectState) -> tuple[str, str]:
    """Answer in a word and a sentence whether the subject is gone everywhere."""
    if not state.hidden:
        return ("open", "Not banned.") if state.known else ("unknown", "There is no such image.")
    outcomes = {each.outcome for ban in state.bans for each in ban.judgements if each.counts}
    if ReceiptOutcome.STILL_SHOWN in outcomes:
        return "problem", "Banned, and still shown."
    if ReceiptOutcome.NOT_ACKNOWLEDGED in outcomes or not outcomes:
        return "busy", f"Banned, and on its way{_ends_of_trust(state)}."
    if state.one_varnishd:
        names = ", ".join(map(printable, state.one_varnishd))
        return (
            "busy",
            f"Banned, and gone from all that answers: {names} are one varnishd, so one of these has not heard.",
        )
    if outcomes.intersection(NEEDS_ATTENTION):
        return "busy", "Banned and acknowledged everywhere, and not all of it proven yet."
    return "ok", "Banned, and gone everywhere."


def _ends_of_trust(state: SubjectState) -> str:
    """Say for each edge that has not acknowledged when it shows no banned image at the latest."""
    late = [each for ban in state.bans for each in ban.judgements if each.counts and each.trust_ends_by]
    said = [f"{edge} {end_of_trust(by)}" for edge, by in {each.edge: each.trust_ends_by for each in late}.items() if by]
    more = f", and {counted(len(said) - _ENDS, 'further edge')}" if len(said) > _ENDS else ""
    return f": {', '.join(said[:_ENDS])}{more}" if said else ""


def find_subjects(connection: Connection, text: str) -> list[Subject]:
    """Find what a text means: a code, an owner's key, or a digest; of several that exist all of them.

    A text that names only one thing (``owner:KEY``, a name or a URL of the site) means that. Raises
    ``MalformedSubjectError``, and ``DatabaseUnavailableError``.
    """
    text = text.strip()
    if is_content_name(text.lower()):
        text = text.lower()
    if not is_key(text):
        return [find_subject(connection, text)]
    found: list[Subject] = []
    if connection.rows("console_image", code=text):
        found.append(Subject(Scope.IMAGE, text))
    if connection.rows("console_has_owner", owner=text):
        found.append(Subject(Scope.OWNER, text))
    banned = [Subject(scope, text) for scope in Scope if scope is not Scope.DIGEST]
    if is_content_name(text):
        content = find_subject(connection, text, Scope.DIGEST)
        found += _with_digest(connection, content.key, text)
        banned.append(content)
    found += [each for each in banned if each not in found and _has_ban(connection, each)]
    return found


def _with_digest(connection: Connection, content: str, digest: str) -> list[Subject]:
    """Find a content that has images, or the image one of whose other renditions has this digest."""
    ((number,),) = connection.rows("console_count_digest", subject=content, most=1)
    if number:
        return [Subject(Scope.DIGEST, content)]
    return [Subject(Scope.IMAGE, str(code)) for code, _ in connection.rows("console_code_of_digest", digest=digest)]


def _has_ban(connection: Connection, subject: Subject) -> bool:
    return bool(connection.rows("console_open_bans", scope=subject.scope, subject=subject.key))
