"""Ban thousands of images on a cluster, and read them from the origin and from the edge meanwhile."""

import random
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

import mysql.connector
import requests

from stack.databases.cluster import Cluster, ClusterNode
from stack.system import Stack

#: Seconds within which the origin answers (promise G9), and those that this process may be late by on a busy machine.
BOUND, SLACK = 3.0, 1.0

_IMAGES = "INSERT INTO images (code, owner) VALUES {}"
_RENDITIONS = (
    "INSERT INTO renditions (code, name, content_type, size, width, height, digest) "
    "SELECT images.code, name, content_type, size, width, height, digest FROM renditions JOIN images "
    "WHERE renditions.code = %s AND images.code IN ({})"
)

#: Images added by one statement.
_CHUNK = 300


def cluster_of(stack: Stack) -> Cluster:
    """Return the cluster that a stack runs on."""
    assert isinstance(stack.database, Cluster)
    return stack.database


def node_in_use(stack: Stack) -> ClusterNode:
    """Return the node that the purger is connected to."""
    counts = {node: _connections(node) for node in cluster_of(stack).members if node.running()}
    return max(counts, key=lambda node: counts[node])


def _connections(node: ClusterNode) -> int:
    rows = node.administer("SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'takedown_purger'")
    return int(rows[0][0])


def add_images(stack: Stack, prefix: str, number: int) -> list[str]:
    """Add images that all show the picture of the first sample, and wait until they were purged. Returns the codes."""
    codes = [f"{prefix}-{index}" for index in range(number)]
    sample = next(iter(stack.codes.values()))[0]
    with stack.database.connect("import") as connection, connection.cursor() as cursor:
        for start in range(0, number, _CHUNK):
            part = codes[start : start + _CHUNK]
            cursor.execute(_IMAGES.format(", ".join(f"('{code}', '{prefix}')" for code in part)))
            cursor.execute(_RENDITIONS.format(", ".join(f"'{code}'" for code in part)), (sample,))
    stack.settle()
    return codes


@dataclass
class Bans:
    """Bans of images in many small transactions, by a moderator that repeats a transaction whose node has failed."""

    stack: Stack
    codes: Sequence[str]
    size: int = 25  # bans of a transaction
    committed: dict[str, float] = field(default_factory=dict)  # when the moderator learned of the commit
    begun: threading.Event = field(default_factory=threading.Event)  # a third was committed

    def commit_all(self) -> None:
        """Ban all images."""
        for start in range(0, len(self.codes), self.size):
            part = self.codes[start : start + self.size]
            self._commit(part)
            self.committed |= dict.fromkeys(part, time.monotonic())
            if 3 * len(self.committed) >= len(self.codes):
                self.begun.set()

    @contextmanager
    def committing(self) -> Iterator[None]:
        """Ban all images in a thread, which has ended after the block."""
        writer = threading.Thread(target=self.commit_all, daemon=True)
        writer.start()
        yield
        writer.join(120)
        assert not writer.is_alive(), "the moderator is stuck"

    def _commit(self, codes: Sequence[str]) -> None:
        rows = ", ".join(f"('image', '{code}')" for code in codes)
        while True:
            # A ban that was committed although its node failed is there twice then, which hides no less.
            with suppress(mysql.connector.Error):
                with self.stack.database.connect("moderation") as connection, connection.cursor() as cursor:
                    cursor.execute(f"INSERT INTO bans (scope, subject) VALUES {rows}")
                return


@dataclass
class Readers:
    """Clients of the origin and of the edge's lease. ``wrong`` has a line for each answer that breaks a promise."""

    stack: Stack
    bans: Bans
    wrong: list[str] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    untrusted: int = 0  # times that the edge did not trust its cache
    _halt: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def reading(self, clients: int = 4) -> Iterator[None]:
        """Read inside the block."""
        threads = [threading.Thread(target=self._read, daemon=True) for _ in range(clients)]
        threads.append(threading.Thread(target=self._watch_lease, daemon=True))
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._halt.set()
            for thread in threads:
                thread.join()

    def _read(self) -> None:
        with requests.Session() as session:
            while not self._halt.wait(0.01):
                code = random.choice(self.bans.codes)
                self._judge(session, code)

    def _judge(self, session: requests.Session, code: str) -> None:
        banned, sent = code in self.bans.committed, time.monotonic()
        status = session.get(f"{self.stack.origin.url}/images/{code}", timeout=60).status_code
        seconds = time.monotonic() - sent
        self.statuses.append(status)
        if status not in ({410, 503} if banned else {200, 410, 503}):
            self.wrong.append(f"{code}: {status}, {'banned' if banned else 'not banned'} when it was sent")
        if seconds > BOUND + SLACK:
            self.wrong.append(f"{code}: {status} after {seconds:.1f} s")

    def _watch_lease(self) -> None:
        while not self._halt.wait(0.1):
            self.untrusted += not self.stack.edge.trusted()

    def assert_content(self) -> None:
        """Assert that no answer broke a promise, and that the edge trusted its cache all the time."""
        assert not self.wrong
        assert self.untrusted == 0
