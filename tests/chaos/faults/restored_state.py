"""An edge, the database, or what the origin reads comes back from the past; a copy of the database has a purger."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from stack.database import Database
from stack.server import away, frozen
from tests.chaos.faults.base import Scene, fault
from tests.chaos.rival_purger import RivalPurger
from tests.chaos.system import stopped
from tests.support.database_snapshots import put_back, second_server, take_copy


@fault("edge back from a snapshot", everywhere=False, revives=True)
def edge_back(scene: Scene) -> None:
    """The same instance goes on with the cache, the position and the trust that it had earlier."""
    system, edge = scene.system, scene.edge
    twin = system.twin(edge)
    with ExitStack() as ending:
        twin.start()
        ending.callback(stopped, twin)
        system.put(edge, twin)
        ending.callback(system.put, edge, edge)
        system.settle()
        scene.pause(1, 3)  # clients fill its cache
        with frozen(twin):
            system.put(edge, edge)
            scene.while_broken()
        system.put(edge, twin)
        scene.pause(system.bound + 1, system.bound + 2)


@fault("database put back, purger up")
def database_back(scene: Scene) -> None:
    """The commits of the last seconds are undone under a purger's eyes."""
    _put_back(scene)


@fault("database put back, purger down")
def database_back_unseen(scene: Scene) -> None:
    """They are undone while no purger runs, and the one that comes knows nothing but the copy."""
    _put_back(scene, purger_away=True)


def _put_back(scene: Scene, *, purger_away: bool = False) -> None:
    system = scene.system
    copy = take_copy(system.database, system.new_directory("copy"))
    scene.pause(1, 20 if scene.random.random() < 0.3 else 6)
    with scene.moderation.undone(), ExitStack() as back:
        if purger_away:
            back.enter_context(away(system.purger))
        with away(system.database):
            put_back(system.database, copy)
    scene.pause(system.bound + 1, system.bound + 2)


@fault("origin reads an old copy", loosens=False)
def origin_behind(scene: Scene) -> None:
    """It reads a server that accepts writes and has not what was committed since: the cache fills with the past."""
    with _copy_of_database(scene) as copy, scene.system.lookup_proxy.turned_to(copy.socket):
        scene.while_broken()
    scene.pause(scene.system.bound, scene.system.bound + 1)


@fault("second purger on a copy")
def rival(scene: Scene) -> None:
    """A copy of the database has the same edges, and a purger of its own vouches for them while the true one cannot."""
    system = scene.system
    with _copy_of_database(scene) as copy, frozen(system.purger), RivalPurger(system.new_directory("rival"), copy):
        scene.pause(system.bound + 1, system.bound + 3)


@contextmanager
def _copy_of_database(scene: Scene) -> Iterator[Database]:
    with second_server(scene.system.database, scene.system.new_directory("copy")) as copy:
        scene.pause(1, 3)
        yield copy
