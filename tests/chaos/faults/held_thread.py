"""Hold fetches after the fence (fetch_held_after_fence.py) past one or more rebounds: two faults."""

from tests.chaos.faults.base import Scene, fault
from tests.support.edges.fetch_held_after_fence import hold_for

#: Seconds from the acknowledgement until the second rebound, and until the last one, are over.
_REBOUNDS = (7.0, 73.0)
_FETCHES = 6


@fault("thread held for 2 s", loosens=False, everywhere=False, extra=_REBOUNDS[0], revives=True)
def shortly(scene: Scene) -> None:
    """Hold fetches for longer than the first rebound waits."""
    _hold(scene, 2, until=_REBOUNDS[0] + 1)


@fault("thread held for 30 s", loosens=False, everywhere=False, extra=_REBOUNDS[1], revives=True)
def long(scene: Scene) -> None:
    """Hold fetches for longer than the second rebound waits."""
    _hold(scene, 30, until=_REBOUNDS[1] + 1)


def _hold(scene: Scene, seconds: float, until: float) -> None:
    """Hold fetches of some images while these are moderated, then wait ``until`` seconds without changes."""
    system = scene.system
    codes = scene.random.sample(scene.codes, _FETCHES)
    fetches = [hold_for(scene.edge, code, system.directory, seconds) for code in codes]
    scene.hot.extend(codes)
    for fetch in fetches:
        while fetch.is_alive():
            scene.pause(0.1, 0.2)
    with scene.moderation.idle():
        scene.pause(until, until + 1)
