"""Step the wall clock of an edge or of the database, forward or back."""

from collections.abc import Iterator
from contextlib import contextmanager

from tests.chaos.faults.base import Scene, fault, mended

_HOUR = 3600.0
_SLIGHTLY = 2.0


@fault("edge's clock stepped", everywhere=False)
def stepped_far(scene: Scene) -> None:
    """Step the clock by an hour, and right again: each step ends the lease."""
    with _stepped(scene, scene.random.choice([-_HOUR, _HOUR])):
        scene.while_broken()
    scene.while_broken()


# A step back prolongs a lease, and a TTL in fail-safe mode, by its length.
@fault("edge's clock stepped a little", everywhere=False, extra=2 * _SLIGHTLY)
def stepped_slightly(scene: Scene) -> None:
    """Step the clock by less than the lease."""
    with _stepped(scene, scene.random.choice([-_SLIGHTLY, _SLIGHTLY])):
        scene.while_broken()
    scene.while_broken()


@fault("edge's clock stepped back, purges lost", everywhere=False)
def stepped_unpurged(scene: Scene) -> None:
    """Step the clock of an edge back while its purges are lost: its objects now come from the future."""
    direction = scene.system.purge_proxy(scene.edge).up
    scene.pause(3, 4)  # clients fill its cache
    with mended(direction):
        direction.lose = True
        with _stepped(scene, -_HOUR):
            scene.pause(1, 2)
            with scene.moderation.idle():
                scene.pause(scene.system.bound + 1, scene.system.bound + 2)


@fault("database's clock stepped", loosens=False)
def database_stepped(scene: Scene) -> None:
    """Step the clock for a while, so that changes get dates of earlier changes."""
    with scene.system.database_clock.stepped(scene.random.choice([-_HOUR, -_SLIGHTLY, _SLIGHTLY, _HOUR])):
        scene.while_broken()
    scene.while_broken()


@contextmanager
def _stepped(scene: Scene, seconds: float) -> Iterator[None]:
    # varnishd's child ends, with its cache, when it closes a session that was opened later than now. Without such a
    # session it goes on, which is the dangerous case.
    scene.edge.set_parameter("clock_step", scene.random.choice([1, 10**6, 10**6]))
    with scene.system.edge_clocks[scene.edge.edge_name].stepped(seconds):
        yield
