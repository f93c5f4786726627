"""Restart, kill or freeze an edge, or reload its VCL."""

import psutil

from stack.processes.server import frozen
from stack.processes.waiting import wait_until
from tests.chaos.faults.base import Scene, fault, mended
from tests.chaos.system.system_with_proxies import stopped


@fault("edge restarted", everywhere=False)
def restarted(scene: Scene) -> None:
    """Restart it: it comes back with an empty cache, as another instance."""
    for _ in range(scene.random.randint(1, 3)):
        stopped(scene.edge)
        scene.pause(0, 2)
        scene.edge.start()
        scene.pause(0, 2)


@fault("edge's child killed", everywhere=False)
def child_killed(scene: Scene) -> None:
    """Kill the child, which holds the cache: the manager starts another one on the same ports."""
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
    """Freeze it: later it goes on in the middle of whatever it was doing."""
    with frozen(scene.edge):
        scene.while_broken()


@fault("VCL reloaded", loosens=False)
def reloaded(scene: Scene) -> None:
    """Load the VCL again and use it while fetches go on."""
    direction = scene.system.origin_proxy.down
    with mended(direction):
        direction.delay = lambda: scene.random.uniform(0.2, 1.2)
        for _ in range(3):
            scene.edge.reload(f"again{scene.random.randrange(10**9)}")
            scene.pause(0.2, 1.5)
