"""The wall clock of an edge or of the database is stepped, forth or back."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.faults.base import Scene, fault, mended

_HOUR = 3600.0
_SLIGHTLY = 2.0


@fault("edge's clock stepped", everywhere=False)
def stepped_far(scene: Scene) -> None:
    """It is an hour off for a while, and right again: every lease is over each time."""
    with _stepped(scene, scene.random.choice([-_HOUR, _HOUR])):
        scene.while_broken()
    scene.while_broken()


# A lease that holds is longer by as much as the clock went back, and so is a life in fail-safe mode.
@fault("edge's clock stepped a little", everywhere=False, extra=2 * _SLIGHTLY)
def stepped_slightly(scene: Scene) -> None:
    """It is off by less than the lease."""
    with _stepped(scene, scene.random.choice([-_SLIGHTLY, _SLIGHTLY])):
        scene.while_broken()
    scene.while_broken()


@fault("edge's clock stepped back, purges lost", everywhere=False)
def stepped_unpurged(scene: Scene) -> None:
    """Steps the clock of an edge that hears no purge: its objects come from its future, and nobody vouches for them."""
    way = scene.system.purge_proxy(scene.edge).up
    scene.pause(3, 4)  # clients fill its cache
    with mended(way):
        way.lose = True
        with _stepped(scene, -_HOUR):
            scene.pause(1, 2)
            with scene.moderation.idle():
                scene.pause(scene.system.bound + 1, scene.system.bound + 2)


@fault("database's clock stepped", loosens=False)
def database_stepped(scene: Scene) -> None:
    """It is off for a while, so that changes bear dates of changes before them."""
    with scene.system.database_clock.stepped(scene.random.choice([-_HOUR, -_SLIGHTLY, _SLIGHTLY, _HOUR])):
        scene.while_broken()
    scene.while_broken()


@contextmanager
def _stepped(scene: Scene, seconds: float) -> Iterator[None]:
    # A child that closes a session which was opened later than now ends, and its cache with it. Where there is no such
    # session it goes on, and that is the danger.
    scene.edge.set_parameter("clock_step", scene.random.choice([1, 10**6, 10**6]))
    with scene.system.edge_clocks[scene.edge.edge_name].stepped(seconds):
        yield
