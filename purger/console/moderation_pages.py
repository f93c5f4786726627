"""Confirms and carries out bans, lifts and purges that moderators ask for."""

import logging
import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from purger.console.access import Visitor
from purger.console.actions import Action, NotDoneError, carry_out, plan
from purger.console.database import Databases
from purger.console.sign_in_pages import require_token
from purger.console.templating import path_of, render
from purger.console.web import Answer, RefusedRequestError, page, read_form, read_subject_path, see_other
from purger.moderation.subjects import Subject
from takedown_base.printable import printable

log = logging.getLogger(__name__)

#: Characters of the longest reason, as the table bans has it.
LONGEST_REASON = 255


class ModerationPages:
    """The pages ``/ban/SCOPE/SUBJECT``, ``/lift/...`` and ``/purge/...``: GET says what it would do, POST does it."""

    def __init__(self, databases: Databases) -> None:
        self._databases = databases

    # The environment is passed to each page by the routes.
    def confirm(self, environ: dict[str, Any], visitor: Visitor, action: str, scope: str, key: str) -> Answer:  # noqa: ARG002
        """Say what an action would do."""
        require_right(visitor, self._databases)
        return self._ask(visitor, Action(action), read_subject_path(scope, key))

    def carry_out(self, environ: dict[str, Any], visitor: Visitor, action: str, scope: str, key: str) -> Answer:
        """Do it once, whatever is clicked twice, and lead back to the subject's page."""
        wanted, subject = Action(action), read_subject_path(scope, key)
        form, reason, problem = read_wish(environ, visitor, self._databases, wanted)
        if problem:
            return self._ask(visitor, wanted, subject, problem, reason, HTTPStatus.BAD_REQUEST)

        def act() -> str:
            with self._databases.moderating() as moderation_db, self._databases.reading() as database:
                return carry_out(moderation_db, database, wanted, subject, by=visitor.user.name, reason=reason)

        return act_once(visitor, form, f"{wanted} of {subject}", act, path_of(*subject))

    def _ask(
        self,
        visitor: Visitor,
        action: Action,
        subject: Subject,
        problem: str = "",
        reason: str = "",
        status: HTTPStatus = HTTPStatus.OK,
    ) -> Answer:
        with self._databases.moderating() as connection:
            planned = plan(connection, action, subject)
        form = secrets.token_hex(8)
        values = {"visitor": visitor, "plan": planned, "form": form, "problem": problem, "reason": reason}
        return page(render("confirm", longest=LONGEST_REASON, **values), status)


def require_right(visitor: Visitor, databases: Databases) -> None:
    """Raise ``RefusedRequestError`` for a visitor who may not moderate, and where the console has no account for it."""
    if not visitor.moderates:
        text = f"{visitor.user.name} may see everything, but not moderate."
        raise RefusedRequestError(HTTPStatus.FORBIDDEN, text)
    if not databases.moderates:
        text = "This console has no account of moderation (--console-moderation-url), so nobody can ban here."
        raise RefusedRequestError(HTTPStatus.FORBIDDEN, text)


def read_wish(
    environ: dict[str, Any], visitor: Visitor, databases: Databases, action: Action | None = None
) -> tuple[dict[str, str], str, str]:
    """Read a moderator's form: its fields, its reason, and what is wrong with the reason, if anything is.

    Without ``action`` a field of the form names it. Raises ``RefusedRequestError``.
    """
    form = read_form(environ)
    require_token(form, visitor)
    require_right(visitor, databases)
    reason = " ".join(form.get("reason", "").split())
    is_ban = (action or form.get("action")) == Action.BAN
    wrong = len(reason) > LONGEST_REASON or (is_ban and not reason)
    said = f"A ban needs a reason, and a reason has at most {LONGEST_REASON} characters."
    return form, reason, said if wrong else ""


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
