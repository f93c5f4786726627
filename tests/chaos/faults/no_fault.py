"""Break nothing: the promises must hold then, too."""

from tests.chaos.faults.base import Scene, fault

NOTHING = "nothing"


@fault(NOTHING, loosens=False, fail_safe=0.0)
def nothing(scene: Scene) -> None:
    """Wait five seconds without a fault."""
    scene.system.pause(5)
