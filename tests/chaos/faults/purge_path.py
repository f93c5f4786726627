"""Cut the path between the purger and one edge, lose its bytes, or slow it down."""

from tests.chaos.faults.base import Scene, fault, mended
from tests.support.faulty_proxy import Direction


def _lose(scene: Scene, direction: Direction) -> None:
    with mended(direction):
        direction.lose = True
        scene.while_broken()


def _cut(scene: Scene, *directions: Direction) -> None:
    with mended(*directions):
        for direction in directions:
            direction.cut()
        scene.while_broken()


@fault("purge path cut to the edge", everywhere=False)
def cut_up(scene: Scene) -> None:
    """Cut requests: they arrive long after the purger has given them up."""
    _cut(scene, scene.system.purge_proxy(scene.edge).up)


@fault("purge path cut from the edge", everywhere=False)
def cut_down(scene: Scene) -> None:
    """Cut answers: requests take effect, and their answers come late."""
    _cut(scene, scene.system.purge_proxy(scene.edge).down)


@fault("purge path cut both ways", everywhere=False)
def cut(scene: Scene) -> None:
    """Cut both directions."""
    proxy = scene.system.purge_proxy(scene.edge)
    _cut(scene, proxy.up, proxy.down)


@fault("purges lost", everywhere=False)
def purges_lost(scene: Scene) -> None:
    """Lose requests: they never arrive."""
    _lose(scene, scene.system.purge_proxy(scene.edge).up)


@fault("answers to purges lost", everywhere=False)
def answers_lost(scene: Scene) -> None:
    """Lose answers: requests take effect, and their answers never come."""
    _lose(scene, scene.system.purge_proxy(scene.edge).down)


@fault("slow purge listener", everywhere=False)
def slow(scene: Scene) -> None:
    """Delay each request, or each answer."""
    proxy = scene.system.purge_proxy(scene.edge)
    direction = scene.random.choice([proxy.up, proxy.down])
    with mended(direction):
        direction.delay = lambda: scene.random.uniform(0.1, 1.5)
        scene.system.pause(scene.system.bound + 2)
