"""Ban, lift and replace images at random, with the accounts of moderation and import."""

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any

import mysql.connector
from mysql.connector.abstracts import MySQLConnectionAbstract

from stack.database import Database
from tests.chaos.distinct_images import Catalogue, Version
from tests.chaos.history import BANNED, History, State

Statement = tuple[str, tuple[Any, ...]]

BAN = "INSERT INTO bans (scope, subject, banned_by) VALUES (%s, %s, 'checker')"
LIFTS = (
    "UPDATE bans SET lifted_at = UTC_TIMESTAMP(3) WHERE scope = %s AND subject = %s AND lifted_at IS NULL",
    "DELETE FROM bans WHERE scope = %s AND subject = %s",
)
IS_BANNED = "SELECT EXISTS (SELECT 1 FROM bans WHERE scope = %s AND subject = %s AND lifted_at IS NULL)"
IMAGE = "INSERT INTO images (code, owner) VALUES (%s, %s) ON DUPLICATE KEY UPDATE owner = owner"
RENDITION = (
    "INSERT INTO renditions (code, name, content_type, size, width, height, digest) "
    "VALUES (%s, %s, 'image/png', %s, 1, 1, %s) ON DUPLICATE KEY UPDATE size = VALUES(size), digest = VALUES(digest)"
)
IS_VERSION = "SELECT EXISTS (SELECT 1 FROM renditions WHERE code = %s AND name = %s AND digest = %s)"


def importing(version: Version, owner: str) -> list[Statement]:
    """Return the statements that ``origin import`` runs for a new or replaced image."""
    rows = [(RENDITION, (version.code, name, size, digest)) for name, (digest, size) in version.files.items()]
    return [(IMAGE, (version.code, owner)), *rows]


@dataclass(frozen=True)
class Action:
    """One transaction, the states that it puts images into, and a query that tells whether it was committed."""

    account: str
    statements: list[Statement]
    states: Mapping[str, State]
    committed: Statement  # a SELECT of 1 or 0
    expected: int  # its result after the commit
    note: Callable[[], None]  # called after the commit


@dataclass
class OwnedImages:
    """One owner's images, in the states that their moderator takes them to be in."""

    owner: str
    versions: dict[str, State]
    banned: set[str] = field(default_factory=set)
    owner_banned: bool = False

    def state(self, code: str) -> State:
        """Return the state of an image."""
        return BANNED if self.owner_banned or code in self.banned else self.versions[code]


class Moderator(threading.Thread):
    """A moderator of some owners' images. Nobody else changes these, so each image's changes have one order."""

    def __init__(
        self,
        database: Database,
        owners: Sequence[OwnedImages],
        hot: deque[str],
        catalogue: Catalogue,
        history: History,
        random: Random,
        rate: float,
    ) -> None:
        super().__init__(name=f"moderator of {owners[0].owner}", daemon=True)
        self._database = database
        self.owners = owners
        self._hot = hot
        self._catalogue = catalogue
        self._history = history
        self._random = random
        self._rate = rate
        self._halt = threading.Event()
        self.acting = threading.Lock()  # held during each action; whoever else holds it stops the moderator
        self._connections: dict[str, MySQLConnectionAbstract] = {}

    def stop(self) -> None:
        """End after the current action and the query for its outcome."""
        self._halt.set()

    def run(self) -> None:
        """Act until stopped."""
        while not self._halt.wait(self._random.expovariate(self._rate)):
            with self.acting:
                self._act(self._random.choice(self.owners))
        for connection in self._connections.values():
            with suppress(mysql.connector.Error):
                connection.close()

    def _act(self, owned: OwnedImages) -> None:
        roll = self._random.random()
        if roll < 0.05:
            self._carry_out(self._ban_owner(owned))
            return
        mine = [code for code in list(self._hot) if code in owned.versions]
        code = self._random.choice(mine if mine and self._random.random() < 0.5 else list(owned.versions))
        self._hot.append(code)
        if code in owned.banned:
            self._carry_out(self._lift(owned, code))
        elif roll < 0.35:
            self._carry_out(self._replace(owned, code))
        else:
            self._carry_out(self._ban(owned, code))

    def _ban(self, owned: OwnedImages, code: str) -> Action:
        subject = ("image", code)
        return Action(
            *("moderation", [(BAN, subject)], {code: BANNED}, (IS_BANNED, subject), 1),
            lambda: owned.banned.add(code),
        )

    def _lift(self, owned: OwnedImages, code: str) -> Action:
        subject = ("image", code)
        state = BANNED if owned.owner_banned else owned.versions[code]
        return Action(
            *("moderation", [(self._random.choice(LIFTS), subject)], {code: state}, (IS_BANNED, subject), 0),
            lambda: owned.banned.discard(code),
        )

    def _ban_owner(self, owned: OwnedImages) -> Action:
        """Ban the owner, or lift the ban."""
        subject = ("owner", owned.owner)
        banned = not owned.owner_banned
        after = OwnedImages(owned.owner, owned.versions, owned.banned, banned)
        return Action(
            "moderation",
            [(BAN if banned else self._random.choice(LIFTS), subject)],
            {code: after.state(code) for code in owned.versions},
            (IS_BANNED, subject),
            int(banned),
            lambda: setattr(owned, "owner_banned", banned),
        )

    def _replace(self, owned: OwnedImages, code: str) -> Action:
        version = self._catalogue.make(code)
        name, (digest, _) = next(iter(version.files.items()))
        return Action(
            "import",
            importing(version, owned.owner),
            {code: BANNED if owned.owner_banned else version.number},
            (IS_VERSION, (code, name, digest)),
            1,
            lambda: owned.versions.update({code: version.number}),
        )

    def _carry_out(self, action: Action) -> None:
        """Commit an action. One transaction in ten stays open for a while, one in thirty is rolled back."""
        roll = self._random.random()
        try:
            for statement in [("START TRANSACTION", ()), *action.statements]:
                self._run(action.account, statement)
            if roll < 0.1:
                self._halt.wait(self._random.uniform(0.1, 1.5))
            if roll > 0.97:
                self._run(action.account, ("ROLLBACK", ()))
                return
        except mysql.connector.Error:
            self._forget(action.account)  # the server rolls back with the end of the session
            return
        begun = self._history.begin(dict(action.states))
        try:
            # Not the driver's commit(): without the server it raises errors that are no mysql.connector.Error.
            self._run(action.account, ("COMMIT", ()))
            committed = True
        except mysql.connector.Error:
            self._forget(action.account)
            committed = self._find_out(action)
        if committed:
            action.note()
        self._history.finish(begun, committed)

    def _find_out(self, action: Action) -> bool:
        """Tell whether a COMMIT without an answer took effect. Repeats the query until the database is back."""
        while True:
            try:
                return self._run(action.account, action.committed) == action.expected
            except mysql.connector.Error:
                self._forget(action.account)
                threading.Event().wait(0.1)

    def _run(self, account: str, statement: Statement) -> int | None:
        """Run a statement. Returns the number in its first row, if any."""
        if account not in self._connections:
            self._connections[account] = self._database.connect(account)
        with self._connections[account].cursor() as cursor:
            cursor.execute(*statement)
            row = cursor.fetchone() if cursor.description else None
        return int(str(row[0])) if isinstance(row, tuple) else None

    def _forget(self, account: str) -> None:
        connection = self._connections.pop(account, None)
        if connection is not None:
            with suppress(mysql.connector.Error):
                connection.close()
