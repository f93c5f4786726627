"""Slow down, hold back, kill or freeze the origin. None of this may delay a takedown."""

from stack.processes.server import away, frozen
from tests.chaos.faults.base import Scene, fault, mended


@fault("slow origin", loosens=False)
def slow(scene: Scene) -> None:
    """Delay each answer, so that it is older than it seems when it arrives."""
    direction = scene.system.origin_proxy.down
    with mended(direction):
        direction.delay = lambda: scene.random.uniform(0, 2)
        scene.system.pause(scene.system.bound + 2)


@fault("slow bodies", loosens=False)
def slow_bodies(scene: Scene) -> None:
    """Send headers at once, and bodies for longer than a purge and its rebound take."""
    direction = scene.system.origin_proxy.down
    with mended(direction):
        direction.drip = (scene.random.choice([700, 1500]), scene.random.uniform(0.2, 0.6))
        scene.system.pause(scene.system.bound + 2)


@fault("fetches held across bans", loosens=False)
def held(scene: Scene) -> None:
    """Empty all caches, and hold the origin's answers until bans of their images are acknowledged."""
    direction = scene.system.origin_proxy.down
    for _ in range(2):
        with mended(direction):
            direction.cut()
            scene.empty_caches()
            scene.pause(1.5, 3.5)
        scene.system.pause(0.5)


@fault("origin killed", loosens=False)
def killed(scene: Scene) -> None:
    """Kill it, also in the middle of bodies."""
    with away(scene.system.origin):
        scene.pause(0.2, 3)


@fault("origin frozen", loosens=False)
def stands_still(scene: Scene) -> None:
    """Freeze it, also between lookups and their answers."""
    with frozen(scene.system.origin):
        scene.pause(0.2, 3)
