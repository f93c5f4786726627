"""Plans and carries out the actions of a moderator: ban, lift, purge again. Each plan says first what it will do."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from purger.moderation.bans import RefusedBanError, UncertainError, count_bans, insert_ban, lift_bans
from purger.moderation.delivery_readiness import DeliveryReadiness, read_delivery_readiness
from purger.moderation.questions import count_images, hiding_bans, original_digest
from purger.moderation.subjects import Subject
from purger.text_format import counted
from takedown_base.scope import Scope
from takedown_db.connection.errors import DatabaseUnavailableError
from takedown_db.connection.lasting_connection import Connection

log = logging.getLogger(__name__)


class Action(StrEnum):
    """A change that a moderator makes."""

    BAN = "ban"
    LIFT = "lift"
    PURGE = "purge"


class NotDoneError(Exception):
    """An action was not done, or it is not known whether it was. The text says which, for the moderator."""


@dataclass(slots=True)
class ActionPlan:
    """The effects of an action, in sentences with their numbers."""

    action: Action
    subject: Subject
    effects: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    possible: bool = True


@dataclass(frozen=True, slots=True)
class _Facts:
    """The numbers of which plans are made."""

    subject: Subject
    images: int | None  # None: there are too many to count in time
    open: int  # bans on the subject itself
    delivery: DeliveryReadiness

    @property
    def edges(self) -> str:
        return counted(self.delivery.edges, "enabled edge")

    @property
    def hidden(self) -> str:
        """Name the images of the subject with their number."""
        images = "an unknown number of images" if self.images is None else counted(self.images, "image")
        match self.subject.scope:
            case Scope.OWNER:
                return f"{images} of the owner {self.subject.key}"
            case Scope.DIGEST:
                return f"{images} with these bytes, under whatever code"
        return f"the {self.subject}"


def plan(moderation_db: Connection, action: Action, subject: Subject) -> ActionPlan:
    """Find out what an action would do, with moderation's account. Raises ``DatabaseUnavailableError``."""
    facts = _Facts(
        subject,
        _count(moderation_db, subject),
        count_bans(moderation_db, [subject])[0].open,
        read_delivery_readiness(moderation_db),
    )
    planned = ActionPlan(action, subject, possible=action is not Action.LIFT or facts.open > 0)
    match action:
        case Action.BAN:
            _plan_ban(planned, facts, moderation_db)
        case Action.LIFT:
            _plan_lift(planned, facts, moderation_db)
        case Action.PURGE:
            text = "fetched again at the next request. It bans and lifts nothing."
            planned.effects.append(f"Removes {facts.hidden} from the caches of {facts.edges}; each is {text}")
    if facts.delivery.obstacle:
        planned.warnings.append(f"{_capitalized(facts.delivery.obstacle)}.")
    return planned


def do(
    moderation_db: Connection, database: Connection, action: Action, subject: Subject, *, by: str, reason: str
) -> str:
    """Do it in the name of ``by``, and return what was done. Raises ``NotDoneError``."""
    with naming_failures():
        match action:
            case Action.BAN:
                number = insert_ban(moderation_db, subject, reason=reason, banned_by=by)
                return f"Ban {number} on {subject} is written."
            case Action.LIFT:
                number = lift_bans(moderation_db, [subject], lifted_by=by, reason=reason)
                return f"{counted(number, 'ban')} on {subject} lifted." if number else f"No ban on {subject} was open."
        database.run("resend_subject", scope=subject.scope, subject=subject.key)
        return _capitalized(f"{subject} is purged again.")


@contextmanager
def naming_failures() -> Iterator[None]:
    """Turn an error of a write into ``NotDoneError``, which says whether it was done."""
    try:
        yield
    except RefusedBanError as error:
        raise NotDoneError(f"Nothing was done: {error}.") from error
    except UncertainError as error:
        text = "The database gave no answer: it may be done or not. The list of all takedowns shows it."
        raise NotDoneError(f"{text} ({error})") from error
    except DatabaseUnavailableError as error:
        raise NotDoneError(f"Nothing was done: {error}.") from error


def _plan_ban(planned: ActionPlan, facts: _Facts, connection: Connection) -> None:
    later = "" if facts.subject.scope is Scope.IMAGE else ", and those that come later"
    if facts.images != 0:
        planned.effects.append(f"Hides {facts.hidden}{later}, with all renditions, at {facts.edges}.")
    else:
        planned.warnings.append(f"{_capitalized(facts.subject.no_image)}: it hides images that come later.")
    planned.effects.append(
        "Visitors get the special image from the next request on. The files stay, and a lift brings them back."
    )
    if facts.open:
        planned.warnings.append(f"It is banned already, by {counted(facts.open, 'ban')}; this adds another.")
    if facts.subject.scope is Scope.IMAGE and (copies := _copies(connection, facts.subject.key)):
        shows = "1 other image shows" if copies == 1 else f"{copies:,} other images show"
        planned.warnings.append(
            f"{shows} the same bytes under other codes and stay visible: ban the bytes to hide these too."
        )


def _plan_lift(planned: ActionPlan, facts: _Facts, connection: Connection) -> None:
    if not facts.open:
        planned.warnings.append(f"There is no open ban on {facts.subject}.")
        return
    planned.effects += [
        f"Lifts {counted(facts.open, 'ban')}: {facts.hidden} can be seen again at {facts.edges}.",
        "The record keeps the bans as they were written, and beside them the lift with your name and reason.",
    ]
    if facts.subject.scope is Scope.IMAGE:
        hiding = hiding_bans(connection, [facts.subject.key])
        planned.warnings += [f"It stays hidden by ban {each.id} on {each.scope} {each.subject}." for each in hiding]
    else:
        planned.effects.append("Images among them that have bans of their own stay hidden.")


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]


def _copies(connection: Connection, code: str) -> int:
    digest = original_digest(connection, code)
    return 0 if digest is None else (_count(connection, Subject(Scope.DIGEST, digest)) or 1) - 1


def _count(connection: Connection, subject: Subject) -> int | None:
    """Count the images of a subject. None: this takes the database too long, and a ban does not wait for it."""
    try:
        return count_images(connection, [subject])[0]
    except DatabaseUnavailableError as error:
        log.warning("console: the images of %s cannot be counted: %s", subject, error)
        return None
