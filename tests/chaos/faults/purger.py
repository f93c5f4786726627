"""Kill or freeze the purger, or keep it from the database."""

from collections.abc import Iterator
from contextlib import contextmanager

from stack.processes.server import away, frozen
from stack.processes.waiting import wait_until
from tests.chaos.faults.base import Scene, fault, mended
from tests.chaos.history import clock
from tests.chaos.system.system_with_proxies import System
from tests.support.faulty_proxy import Proxy


@fault("purger killed")
def killed(scene: Scene) -> None:
    """Kill it, and start it again after a while."""
    with away(scene.system.purger):
        scene.while_broken()


@fault("purger killed again and again")
def killed_often(scene: Scene) -> None:
    """Kill it again and again, soon after each start."""
    until = clock() + scene.system.bound + 2
    while clock() < until:
        with away(scene.system.purger):
            scene.pause(0, 0.2)
        scene.pause(0.02, 1.0)


@fault("purger frozen")
def stands_still(scene: Scene) -> None:
    """Freeze it: later it goes on with what it knew before."""
    with frozen(scene.system.purger):
        scene.while_broken()


@fault("purger killed while numbering")
def killed_while_numbering(scene: Scene) -> None:
    """Kill it, twice, while the server runs its numbering."""
    for _ in range(2):
        with _numbering_held(scene.system):
            scene.system.purger.kill()
        scene.pause(0, 1)
        scene.system.purger.start()
        scene.pause(0.2, 1)


@fault("purger frozen while numbering")
def frozen_while_numbering(scene: Scene) -> None:
    """Freeze it while the server runs its numbering, whose answer it gets late."""
    with _numbering_held(scene.system):
        scene.system.purger.pause()
    with frozen(scene.system.purger):
        scene.while_broken()


@fault("purger cut off from the database")
def cut_off(scene: Scene) -> None:
    """Cut it off from the database, to which moderators go on committing, while it reaches every edge."""
    with cut_from_database(scene, scene.system.database_proxies[0]):
        scene.while_broken()


@contextmanager
def cut_from_database(scene: Scene, proxy: Proxy) -> Iterator[None]:
    """Cut one direction of a proxy or both inside the block."""
    directions = scene.random.choice([(proxy.up,), (proxy.down,), (proxy.up, proxy.down)])
    with mended(*directions):
        for direction in directions:
            direction.cut()
        yield


@fault("numbering stuck")
def numbering_stuck(scene: Scene) -> None:
    """Lock the counter's row: the purger sees changes that it cannot number."""
    with _numbering_held(scene.system):
        scene.while_broken()


@contextmanager
def _numbering_held(system: System) -> Iterator[None]:
    """Lock the counter's row and wait until a numbering waits for it: the block runs in the middle of the numbering."""
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
