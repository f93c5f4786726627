"""Kill, freeze, stop or cut off one of several purgers: another one takes its edges over.

A takedown that falls into the move of an edge waits for it, at most ``MOVE`` seconds.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

from stack.processes.server import away, frozen
from stack.purger import Purger
from tests.chaos.faults.base import Action, Scene, fault
from tests.chaos.faults.purger import cut_from_database
from tests.chaos.history import clock

#: Most seconds until the edges of a purger that is away have another one, and that an edge may be in fail-safe mode.
MOVE = 2.0

#: Seconds between two kills.
_BETWEEN_KILLS = 5.0


def _one_of_several(name: str) -> Callable[[Action], Action]:
    return fault(name, loosens=False, extra=MOVE, needs_purgers=True, fail_safe=MOVE)


@_one_of_several("one of the purgers killed")
def killed(scene: Scene) -> None:
    """Kill one, and start it again after a while."""
    _while_away(scene, away)


@_one_of_several("one of the purgers frozen")
def stands_still(scene: Scene) -> None:
    """Freeze one: later it goes on with edges that are another's by then."""
    _while_away(scene, frozen)


@_one_of_several("one of the purgers stopped")
def stopped(scene: Scene) -> None:
    """Stop one by SIGTERM, as an upgrade does, and start it again."""
    _while_away(scene, _stopped)


@_one_of_several("one of the purgers cut off from the database")
def cut_off(scene: Scene) -> None:
    """Cut one off only from the database: it reaches every edge, and so does the one that takes over."""
    proxy = scene.random.choice(scene.system.database_proxies)
    with cut_from_database(scene, proxy):
        scene.while_broken()


@_one_of_several("purgers killed every five seconds")
def killed_again_and_again(scene: Scene) -> None:
    """Kill one of them every five seconds for half a minute; each comes back at once."""
    until = clock() + 6 * _BETWEEN_KILLS
    while clock() < until:
        began = clock()
        with away(scene.random.choice(scene.system.purgers)):
            scene.pause(0, 0.5)
        scene.system.pause(max(0.0, _BETWEEN_KILLS - (clock() - began)))


def _while_away(scene: Scene, taken_away: Callable[[Purger], AbstractContextManager[None]]) -> None:
    with taken_away(scene.random.choice(scene.system.purgers)):
        scene.while_broken()


@contextmanager
def _stopped(purger: Purger) -> Iterator[None]:
    purger.stop()
    try:
        yield
    finally:
        purger.start()
