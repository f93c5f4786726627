"""Plans and carries out the actions of a moderator: ban, lift, purge again. Each plan says first what it will do."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionPlan:
    """The effects of an action, in sentences with their numbers."""

    action: Action
    subject: Subject
    effects: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
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
    makers = {Action.BAN: _ban, Action.LIFT: _lift, Action.PURGE: _purge}
    sentences = list(makers[action](moderation_db, facts))
    warnings = [text for is_warning, text in sentences if is_warning]
    if facts.delivery.obstacle:
        warnings.append(f"{_capitalized(facts.delivery.obstacle)}.")
    return ActionPlan(
        action=action,
        subject=subject,
        effects=tuple(text for is_warning, text in sentences if not is_warning),
        warnings=tuple(warnings),
        possible=action is not Action.LIFT or facts.open > 0,
    )


def carry_out(
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


def _ban(connection: Connection, facts: _Facts) -> Iterator[tuple[bool, str]]:
    """Yield the effects of a ban, each with whether it is a warning."""
    later = "" if facts.subject.scope is Scope.IMAGE else ", and those that come later"
    if facts.images != 0:
        yield False, f"Hides {facts.hidden}{later}, with all renditions, at {facts.edges}."
    else:
        no_image = _capitalized(facts.subject.no_image)
        yield True, f"{no_image}: it hides images that come later."
    yield False, "Visitors get the special image from the next request on. The files stay, and a lift brings them back."
    if facts.open:
        bans = counted(facts.open, "ban")
        yield True, f"It is banned already, by {bans}; this adds another."
    if facts.subject.scope is Scope.IMAGE and (copies := _copies(connection, facts.subject.key)):
        shows = "1 other image shows" if copies == 1 else f"{copies:,} other images show"
        yield True, f"{shows} the same bytes under other codes and stay visible: ban the bytes to hide these too."


def _lift(connection: Connection, facts: _Facts) -> Iterator[tuple[bool, str]]:
    if not facts.open:
        yield True, f"There is no open ban on {facts.subject}."
        return
    bans = counted(facts.open, "ban")
    yield False, f"Lifts {bans}: {facts.hidden} can be seen again at {facts.edges}."
    yield False, "The record keeps the bans as they were written, and beside them the lift with your name and reason."
    if facts.subject.scope is Scope.IMAGE:
        for other in hiding_bans(connection, [facts.subject.key]):
            yield True, f"It stays hidden by ban {other.id} on {other.scope} {other.subject}."
    else:
        yield False, "Images among them that have bans of their own stay hidden."


def _purge(_: Connection, facts: _Facts) -> Iterator[tuple[bool, str]]:
    yield (
        False,
        f"Removes {facts.hidden} from the caches of {facts.edges}; each is fetched again at the next request.",
    )
    yield False, "It bans and lifts nothing."


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
