"""The path between the purger and one edge is cut, lossy or slow."""

from tests.chaos.faults.base import Scene, fault, mended
from tests.support.faulty_proxy import Direction


def _lose(scene: Scene, way: Direction) -> None:
    with mended(way):
        way.lose = True
        scene.while_broken()


def _cut(scene: Scene, *ways: Direction) -> None:
    with mended(*ways):
        for way in ways:
            way.cut()
        scene.while_broken()


@fault("purge path cut to the edge", everywhere=False)
def cut_up(scene: Scene) -> None:
    """Requests arrive long after the purger has given them up."""
    _cut(scene, scene.system.purge_proxy(scene.edge).up)


@fault("purge path cut from the edge", everywhere=False)
def cut_down(scene: Scene) -> None:
    """Requests arrive and take effect, their answers come late."""
    _cut(scene, scene.system.purge_proxy(scene.edge).down)


@fault("purge path cut both ways", everywhere=False)
def cut(scene: Scene) -> None:
    """Nothing passes."""
    proxy = scene.system.purge_proxy(scene.edge)
    _cut(scene, proxy.up, proxy.down)


@fault("purges lost", everywhere=False)
def purges_lost(scene: Scene) -> None:
    """Requests never arrive, then or later."""
    _lose(scene, scene.system.purge_proxy(scene.edge).up)


@fault("answers to purges lost", everywhere=False)
def answers_lost(scene: Scene) -> None:
    """Requests take effect and their answers never come."""
    _lose(scene, scene.system.purge_proxy(scene.edge).down)


@fault("slow purge listener", everywhere=False)
def slow(scene: Scene) -> None:
    """Each purge takes its time on the way there or back."""
    proxy = scene.system.purge_proxy(scene.edge)
    way = scene.random.choice([proxy.up, proxy.down])
    with mended(way):
        way.delay = lambda: scene.random.uniform(0.1, 1.5)
        scene.system.pause(scene.system.bound + 2)
