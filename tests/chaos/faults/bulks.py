"""Ban or purge in bulk, while the cache holds many objects that the bulk names, and others."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count

import requests

from stack.processes.waiting import PATIENCE
from tests.chaos.faults.base import Scene, fault
from tests.chaos.people.moderator import BAN

#: Subjects of a bulk, and objects of which each edge has some of the bulk's in its cache.
_SUBJECTS, _OBJECTS = 10_000, 500

_bulks = count(1)


@fault("bulk of images", loosens=False, extra=1.0)
def images(scene: Scene) -> None:
    """Ban images at once of which some were asked for, so that their 404s are in the cache."""
    _ban_many(scene, "image")


@fault("bulk of owners", loosens=False, extra=1.0)
def owners(scene: Scene) -> None:
    """Ban owners at once."""
    _ban_many(scene, "owner")


@fault("bulk of digests", loosens=False, extra=1.0)
def digests(scene: Scene) -> None:
    """Ban contents at once."""
    _ban_many(scene, "digest")


def _ban_many(scene: Scene, scope: str) -> None:
    bulk = next(_bulks)
    subjects = [f"{bulk:032x}{number:032x}" for number in range(_SUBJECTS)]
    _fill(scene, subjects[: _OBJECTS // 2] + [f"kept-{bulk}-{number}" for number in range(_OBJECTS // 2)])
    with scene.system.database.connect("moderation") as connection, connection.cursor() as cursor:
        cursor.execute("START TRANSACTION")
        # The driver sends them as a few statements.
        cursor.executemany(BAN, [(scope, subject) for subject in subjects])
        cursor.execute("COMMIT")
    scene.pause(1, 3)


def _fill(scene: Scene, codes: list[str]) -> None:
    """Ask each edge for images that do not exist: the answers are cached, with tags as those of any image."""
    urls = [f"{edge.url}/images/{code}" for edge in scene.system.edges for code in codes]
    with requests.Session() as session, ThreadPoolExecutor(4) as clients:
        list(clients.map(partial(session.get, timeout=PATIENCE), urls))
