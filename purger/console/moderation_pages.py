"""Confirms and carries out bans, lifts and purges that moderators ask for."""

import logging
import secrets
from http import HTTPStatus
from typing import Any

from purger.console.access import Visitor
from purger.console.actions import Action, ActionPlan, NotDoneError, carry_out, plan
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
        self._require_right(visitor)
        return self._ask(visitor, Action(action), read_subject_path(scope, key))

    def carry_out(self, environ: dict[str, Any], visitor: Visitor, action: str, scope: str, key: str) -> Answer:
        """Do it once, whatever is clicked twice, and lead back to the subject's page."""
        form = read_form(environ)
        require_token(form, visitor)
        self._require_right(visitor)
        subject, number = read_subject_path(scope, key), form.get("form", "")[:64]
        back = f"{path_of(*subject)}?done={number}"
        reason = " ".join(form.get("reason", "").split())
        if len(reason) > LONGEST_REASON or (action == Action.BAN and not reason):
            problem = f"A ban needs a reason, and a reason has at most {LONGEST_REASON} characters."
            return self._ask(visitor, Action(action), subject, problem, reason, HTTPStatus.BAD_REQUEST)
        visitor.session.once(number, lambda: self._done(visitor, Action(action), subject, reason))
        return see_other(back)

    def _done(self, visitor: Visitor, action: Action, subject: Subject, reason: str) -> str:
        """Carry out an action, and say what came of it."""
        try:
            with self._databases.moderating() as moderation_db, self._databases.reading() as database:
                done = carry_out(moderation_db, database, action, subject, by=visitor.user.name, reason=reason)
        except NotDoneError as error:
            done = str(error)
        log.info("console: %s asked for %s of %s: %s", visitor.user.name, action, subject, printable(done))
        return done

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
            planned: ActionPlan = plan(connection, action, subject)
        form = secrets.token_hex(8)
        values = {"visitor": visitor, "plan": planned, "form": form, "problem": problem, "reason": reason}
        return page(render("confirm", longest=LONGEST_REASON, **values), status)

    def _require_right(self, visitor: Visitor) -> None:
        if not visitor.moderates:
            text = f"{visitor.user.name} may see everything, but not moderate."
            raise RefusedRequestError(HTTPStatus.FORBIDDEN, text)
        if not self._databases.moderates:
            text = "This console has no account of moderation (--console-moderation-url), so nobody can ban here."
            raise RefusedRequestError(HTTPStatus.FORBIDDEN, text)
