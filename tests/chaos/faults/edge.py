"""An edge is started again, stands still or gets another VCL."""

import psutil

from stack.server import frozen
from stack.waiting import wait_until
from tests.chaos.faults.base import Scene, fault, mended
from tests.chaos.system import stopped


@fault("edge restarted", everywhere=False)
def restarted(scene: Scene) -> None:
    """It comes back with an empty cache, as another instance."""
    for _ in range(scene.random.randint(1, 3)):
        stopped(scene.edge)
        scene.pause(0, 2)
        scene.edge.start()
        scene.pause(0, 2)


@fault("edge's child killed", everywhere=False)
def child_killed(scene: Scene) -> None:
    """The process that holds the cache dies, and the one that watches over it starts another on the same ports."""
    assert scene.edge.process is not None
    manager = psutil.Process(scene.edge.process.pid)
    for _ in range(scene.random.randint(1, 3)):
        for child in manager.children():
            child.kill()
            child.wait(10)
        wait_until(lambda: bool(manager.children()), "another child of varnishd")
        scene.pause(0.5, 2)


@fault("edge frozen", everywhere=False)
def stands_still(scene: Scene) -> None:
    """It goes on later, in the middle of whatever it was doing."""
    with frozen(scene.edge):
        scene.while_broken()


@fault("VCL reloaded", loosens=False)
def reloaded(scene: Scene) -> None:
    """It changes to a newly loaded VCL while fetches are under way."""
    way = scene.system.origin_proxy.down
    with mended(way):
        way.delay = lambda: scene.random.uniform(0.2, 1.2)
        for _ in range(3):
            scene.edge.reload(f"again{scene.random.randrange(10**9)}")
            scene.pause(0.2, 1.5)
