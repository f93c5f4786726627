"""The origin is slow, holds its answers back, dies or stands still. None of this may delay a takedown."""

from stack.server import away, frozen
from tests.chaos.faults.base import Scene, fault, mended


@fault("slow origin", loosens=False)
def slow(scene: Scene) -> None:
    """Each answer is older than it looks when it arrives."""
    way = scene.system.origin_proxy.down
    with mended(way):
        way.delay = lambda: scene.random.uniform(0, 2)
        scene.system.pause(scene.system.bound + 2)


@fault("slow bodies", loosens=False)
def slow_bodies(scene: Scene) -> None:
    """Headers come at once, and the body takes longer than a purge and its rebound."""
    way = scene.system.origin_proxy.down
    with mended(way):
        way.drip = (scene.random.choice([700, 1500]), scene.random.uniform(0.2, 0.6))
        scene.system.pause(scene.system.bound + 2)


@fault("fetches held across bans", loosens=False)
def held(scene: Scene) -> None:
    """All caches are emptied, and what the origin has looked up by then arrives when bans of it are acknowledged."""
    way = scene.system.origin_proxy.down
    for _ in range(2):
        with mended(way):
            way.cut()
            for edge in scene.system.edges:
                edge.ask("BAN", takedown_all="1")
            scene.pause(1.5, 3.5)
        scene.system.pause(0.5)


@fault("origin killed", loosens=False)
def killed(scene: Scene) -> None:
    """It dies, in the middle of bodies too."""
    with away(scene.system.origin):
        scene.pause(0.2, 3)


@fault("origin frozen", loosens=False)
def stands_still(scene: Scene) -> None:
    """It stands still between lookups and their answers."""
    with frozen(scene.system.origin):
        scene.pause(0.2, 3)
