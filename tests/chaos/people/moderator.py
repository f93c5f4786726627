"""Ban, lift, replace and copy images at random, with the accounts of moderation and import."""

import threading
from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from random import Random

import mysql.connector
from mysql.connector.abstracts import MySQLConnectionAbstract

from stack.databases.database import Database
from tests.chaos.history import History
from tests.chaos.pictures.distinct_images import Catalogue, Statement, Version, importing
from tests.chaos.pictures.gallery import Gallery, Subject

BAN = "INSERT INTO bans (scope, subject, banned_by) VALUES (%s, %s, 'checker')"
LIFTS = (
    "UPDATE bans SET lifted_at = UTC_TIMESTAMP(3) WHERE scope = %s AND subject = %s AND lifted_at IS NULL",
    "DELETE FROM bans WHERE scope = %s AND subject = %s",
)
IS_BANNED = "SELECT EXISTS (SELECT 1 FROM bans WHERE scope = %s AND subject = %s AND lifted_at IS NULL)"
IS_VERSION = "SELECT EXISTS (SELECT 1 FROM renditions WHERE code = %s AND name = %s AND digest = %s)"


@dataclass(frozen=True)
class Action:
    """One transaction, the images after it, and a query that tells whether it was committed."""

    account: str
    statements: list[Statement]
    after: Gallery
    changed: Sequence[str]  # codes of the images that it puts into a state, perhaps the same as before
    committed: Statement  # a SELECT of 1 or 0
    expected: int  # its result after the commit


class Moderator(threading.Thread):
    """A moderator of the images of one gallery."""

    def __init__(
        self,
        database: Database,
        gallery: Gallery,
        hot: deque[str],
        catalogue: Catalogue,
        history: History,
        random: Random,
        rate: float,
    ) -> None:
        """Moderate ``gallery``, ``rate`` times a second."""
        owners = list(dict.fromkeys(gallery.owners.values()))
        super().__init__(name=f"moderator of {owners[0]}", daemon=True)
        self._database = database
        self.gallery = gallery
        self._owners = owners
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
                self._act()
        for connection in self._connections.values():
            with suppress(mysql.connector.Error):
                connection.close()

    def _act(self) -> None:
        self._carry_out(self._next_action())

    def _choose(self) -> str:
        """Choose an image, half of the time one that was changed lately."""
        codes = list(self.gallery.versions)
        mine = [code for code in list(self._hot) if code in self.gallery.versions]
        code = self._random.choice(mine if mine and self._random.random() < 0.5 else codes)
        self._hot.append(code)
        return code

    def _next_action(self) -> Action:
        roll = self._random.random()
        if roll < 0.05:
            return self._ban_or_lift(("owner", self._random.choice(self._owners)))
        code = self._choose()
        if ("image", code) in self.gallery.bans:
            return self._ban_or_lift(("image", code))
        if roll < 0.2:
            return self._import(self._catalogue.make(code))
        version = self.gallery.versions[code]
        if roll < 0.35:
            other = self.gallery.versions[self._random.choice(list(self.gallery.versions))]
            return self._import(
                self._catalogue.make(code) if other.digest == version.digest else self._catalogue.copy(code, other)
            )
        if roll < 0.65:
            return self._ban_or_lift(("digest", version.digest))
        return self._ban_or_lift(("image", code))

    def _ban_or_lift(self, subject: Subject) -> Action:
        """Ban a subject, or lift the ban."""
        banned = subject not in self.gallery.bans
        return Action(
            "moderation",
            [(BAN if banned else self._random.choice(LIFTS), subject)],
            self.gallery.toggled(subject),
            list(self.gallery.covered(subject)),
            (IS_BANNED, subject),
            int(banned),
        )

    def _import(self, version: Version) -> Action:
        """Import a new version of an image, or a copy of another one."""
        return Action(
            "import",
            importing(version, self.gallery.owners[version.code]),
            self.gallery.replaced(version),
            [version.code],
            (IS_VERSION, (version.code, "original", version.digest)),
            1,
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
        begun = self._history.begin({code: action.after.state(code) for code in action.changed})
        try:
            # Not the driver's commit(): without the server it raises errors that are no mysql.connector.Error.
            self._run(action.account, ("COMMIT", ()))
            committed = True
        except mysql.connector.Error:
            self._forget(action.account)
            committed = self._find_out(action)
        if committed:
            self.gallery = action.after
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
