"""Confirms and carries out bans, lifts and purges that moderators ask for."""

import logging
import secrets
from collections.abc import Callable
from http import HTTPStatus

from purger.console.actions import Action, NotDoneError, do, plan
from purger.console.sign_in_pages import require_token
from purger.console.templating import path_of, render
from purger.console.users.access import Visitor
from purger.console.web import Answer, RefusedRequestError, Request, page, read_form, read_subject_path, see_other
from purger.moderation.bans import LONGEST_REASON
from purger.moderation.subjects import Subject
from takedown_base.printable import printable

log = logging.getLogger(__name__)


def confirm(request: Request, action: str, scope: str, key: str) -> Answer:
    """Answer ``GET /ban/SCOPE/SUBJECT``, ``/lift/...`` and ``/purge/...``: say what it would do."""
    require_right(request)
    return _ask(request, Action(action), read_subject_path(scope, key))


def carry_out(request: Request, action: str, scope: str, key: str) -> Answer:
    """Answer the POST: do it once, whatever is clicked twice, and lead back to the subject's page."""
    subject = read_subject_path(scope, key)
    form, wanted, reason, problem = read_wish(request, Action(action))
    if problem:
        return _ask(request, wanted, subject, problem, reason)

    def act() -> str:
        with request.databases.moderating() as moderation_db, request.databases.reading() as database:
            return do(moderation_db, database, wanted, subject, by=request.visitor.user.name, reason=reason)

    return act_once(request.visitor, form, f"{wanted} of {subject}", act, path_of(*subject))


def _ask(request: Request, action: Action, subject: Subject, problem: str = "", reason: str = "") -> Answer:
    with request.databases.moderating() as connection:
        planned = plan(connection, action, subject)
    values = {"plan": planned, "form": secrets.token_hex(8), "problem": problem, "reason": reason}
    status = HTTPStatus.BAD_REQUEST if problem else HTTPStatus.OK
    return page(render("confirm", visitor=request.visitor, longest=LONGEST_REASON, **values), status)


def require_right(request: Request) -> None:
    """Raise ``RefusedRequestError`` for a visitor who may not moderate, and where the console has no account for it."""
    if not request.visitor.moderates:
        text = f"{request.visitor.user.name} may see everything, but not moderate."
        raise RefusedRequestError(HTTPStatus.FORBIDDEN, text)
    if not request.databases.moderates:
        text = "This console has no account of moderation (--console-moderation-url), so nobody can ban here."
        raise RefusedRequestError(HTTPStatus.FORBIDDEN, text)


def read_wish(request: Request, action: Action | None = None) -> tuple[dict[str, str], Action, str, str]:
    """Read a moderator's form: its fields, its action, its reason, and what is wrong with the reason, if anything is.

    Without ``action`` a field names it: a ban or a lift. Raises ``RefusedRequestError``.
    """
    form = read_form(request.environ)
    require_token(form, request.visitor)
    require_right(request)
    reason = " ".join(form.get("reason", "").split())
    action = action or (Action.LIFT if form.get("action") == Action.LIFT else Action.BAN)
    wrong = len(reason) > LONGEST_REASON or (action is Action.BAN and not reason)
    said = f"A ban needs a reason, and a reason has at most {LONGEST_REASON} characters."
    return form, action, reason, said if wrong else ""


def act_once(visitor: Visitor, form: dict[str, str], wish: str, act: Callable[[], str], back: str) -> Answer:
    """Act on a form once, however often it is sent, and lead to the page that says what came of it."""

    def done() -> str:
        try:
            said = act()
        except NotDoneError as error:
            said = str(error)
        log.info("console: %s asked for %s: %s", visitor.user.name, wish, printable(said))
        return said

    number = form.get("form", "")[:64]
    visitor.session.once(number, done)
    return see_other(f"{back}?done={number}")
