"""Restore an earlier state of an edge or of the database, or let origin or a second purger use such a state."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from stack.databases.database import Database
from stack.processes.server import away, frozen
from tests.chaos.faults.base import Scene, fault
from tests.chaos.system.rival_purger import RivalPurger
from tests.chaos.system.system_with_proxies import stopped
from tests.support.database.snapshots import put_back, second_server, take_copy


@fault("edge back from a snapshot", everywhere=False, revives=True)
def edge_back(scene: Scene) -> None:
    """Restore an edge: the same instance goes on with its earlier cache, position and lease."""
    system, edge = scene.system, scene.edge
    clone = system.clone(edge)
    with ExitStack() as ending:
        clone.start()
        ending.callback(stopped, clone)
        system.put(edge, clone)
        ending.callback(system.put, edge, edge)
        system.settle()
        scene.pause(1, 3)  # clients fill its cache
        with frozen(clone):
            system.put(edge, edge)
            scene.while_broken()
        system.put(edge, clone)
        scene.pause(system.bound + 1, system.bound + 2)


@fault("database put back, purger up")
def database_back(scene: Scene) -> None:
    """Undo the commits of the last seconds while the purger runs."""
    _put_back(scene)


@fault("database put back, purger down")
def database_back_unseen(scene: Scene) -> None:
    """Undo the commits of the last seconds while no purger runs: the next one knows the restored database only."""
    _put_back(scene, purger_away=True)


def _put_back(scene: Scene, *, purger_away: bool = False) -> None:
    system = scene.system
    copy = take_copy(system.database, system.new_directory("copy"))
    scene.pause(1, 20 if scene.random.random() < 0.3 else 6)
    with scene.moderation.undone(), ExitStack() as back:
        if purger_away:
            for purger in system.purgers:
                back.enter_context(away(purger))
        with away(system.database):
            put_back(system.database, copy)
    scene.pause(system.bound + 1, system.bound + 2)


@fault("origin reads an old copy", loosens=False)
def origin_behind(scene: Scene) -> None:
    """Let the origin read a writable copy without the latest commits, so that caches fill with earlier versions."""
    with _copy_of_database(scene) as copy, scene.system.lookup_proxy.turned_to(copy.socket):
        scene.while_broken()
    scene.pause(scene.system.bound, scene.system.bound + 1)


@fault("second purger on a copy")
def rival(scene: Scene) -> None:
    """Run a second purger on a copy of the database: it sends heartbeats while the first one is frozen."""
    system = scene.system
    with _copy_of_database(scene) as copy, ExitStack() as thawing:
        for purger in system.purgers:
            thawing.enter_context(frozen(purger))
        thawing.enter_context(RivalPurger(system.new_directory("rival"), copy))
        scene.pause(system.bound + 1, system.bound + 3)


@contextmanager
def _copy_of_database(scene: Scene) -> Iterator[Database]:
    with second_server(scene.system.database, scene.system.new_directory("copy")) as copy:
        scene.pause(1, 3)
        yield copy
