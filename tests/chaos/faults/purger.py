"""The purger dies or stands still."""

from collections.abc import Iterator
from contextlib import contextmanager

from stack.server import away, frozen
from stack.waiting import wait_until
from tests.chaos.faults.base import Scene, fault, mended
from tests.chaos.history import clock
from tests.chaos.system import System


@fault("purger killed")
def killed(scene: Scene) -> None:
    """Dead for a while."""
    with away(scene.system.purger):
        scene.while_broken()


@fault("purger killed again and again")
def killed_often(scene: Scene) -> None:
    """Dead whenever it has just begun."""
    until = clock() + scene.system.bound + 2
    while clock() < until:
        with away(scene.system.purger):
            scene.pause(0, 0.2)
        scene.pause(0.02, 1.0)


@fault("purger frozen")
def stands_still(scene: Scene) -> None:
    """It goes on later with what it knew before."""
    with frozen(scene.system.purger):
        scene.while_broken()


@fault("purger killed while numbering")
def killed_while_numbering(scene: Scene) -> None:
    """Dead while the server carries out its numbering, and again."""
    for _ in range(2):
        with _numbering_held(scene.system):
            scene.system.purger.kill()
        scene.pause(0, 1)
        scene.system.purger.start()
        scene.pause(0.2, 1)


@fault("purger frozen while numbering")
def frozen_while_numbering(scene: Scene) -> None:
    """It stands still while the server carries out its numbering, and misses the end of it."""
    with _numbering_held(scene.system):
        scene.system.purger.pause()
    with frozen(scene.system.purger):
        scene.while_broken()


@fault("purger cut off from the database")
def cut_off(scene: Scene) -> None:
    """Moderators go on committing what the purger does not see, while it reaches every edge."""
    proxy = scene.system.database_proxy
    ways = scene.random.choice([(proxy.up,), (proxy.down,), (proxy.up, proxy.down)])
    with mended(*ways):
        for way in ways:
            way.cut()
        scene.while_broken()


@fault("numbering stuck")
def numbering_stuck(scene: Scene) -> None:
    """Somebody holds the counter's row: the purger sees what it cannot number."""
    with _numbering_held(scene.system):
        scene.while_broken()


@contextmanager
def _numbering_held(system: System) -> Iterator[None]:
    """Holds the counter's row until a numbering waits for it, so that what follows happens in its middle."""
    waiting = (
        "SELECT COUNT(*) FROM information_schema.PROCESSLIST "
        "WHERE USER = 'takedown_definer' AND INFO LIKE 'SELECT last_batch%FOR UPDATE'"
    )
    with system.database.connect_admin() as connection, connection.cursor() as cursor:
        connection.start_transaction()
        cursor.execute("SELECT last_batch FROM numbering WHERE one = 1 FOR UPDATE")
        cursor.fetchall()
        wait_until(lambda: system.number(waiting) > 0, "a numbering that waits for the counter")
        yield
        connection.rollback()
